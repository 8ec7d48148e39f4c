from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import read_split
    from ontogeny.corpora.sampling import sample
    from ontogeny.results.tables import read_measurements, write_table
    from ontogeny.runs.checkpoints.loading import load_language_model, load_tokenizer
    from ontogeny.runs.checkpoints.manifest import check_trajectory
    from ontogeny.studies.sas.attention_map import attention_map, best_head, shown_sentence
    from ontogeny.studies.sas.tables import ATTENTION

    keys = {
        "run": snakemake.wildcards.run,
        "corpus": snakemake.wildcards.corpus,
        "seed": snakemake.params.seed_of_run,
    }
    steps = snakemake.params.steps
    check_trajectory(Path(snakemake.input.manifest).parent, steps)
    sentences = read_split(snakemake.input.sentences)
    sentences = sample(sentences, snakemake.params.words, snakemake.params.seed)
    head = best_head(read_measurements([snakemake.input.structure]), steps[-1])
    rows = attention_map(
        (
            (step, load_language_model(checkpoint), load_tokenizer(checkpoint))
            for step, checkpoint in zip(steps, snakemake.input.checkpoints, strict=True)
        ),
        shown_sentence(sentences, head.relation),
        head,
    )
    write_table(rows.assign(**keys), ATTENTION, snakemake.output[0])
