from pathlib import Path

from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads) as logger:
    import pandas as pd

    from ontogeny.corpora.corpus import read_split
    from ontogeny.corpora.sampling import sample
    from ontogeny.files import atomic_path
    from ontogeny.runs.checkpoints import load_language_model, load_tokenizer, objective
    from ontogeny.runs.manifest import check_trajectory
    from ontogeny.sas.measure import measure_structure

    keys = {
        "run": snakemake.wildcards.run,
        "corpus": snakemake.wildcards.corpus,
        "seed": int(snakemake.wildcards.seed),
    }
    steps = snakemake.params.steps
    check_trajectory(Path(snakemake.input.manifest).parent, steps)
    sentences = read_split(snakemake.input.sentences)
    sentences = sample(sentences, snakemake.params.words, snakemake.params.settings["seed"])
    structure, by_sentence = [], []
    for step, checkpoint in zip(steps, snakemake.input.checkpoints, strict=True):
        logger.info("step %d", step)
        measured = measure_structure(
            load_language_model(checkpoint),
            load_tokenizer(checkpoint),
            sentences,
            source=snakemake.input.sentences,
            objective=objective(checkpoint),
            **snakemake.params.settings,
        )
        structure.append(measured[0].assign(**keys, step=step))
        by_sentence.append(measured[1].assign(**keys, step=step))
    for frames, path in zip((structure, by_sentence), snakemake.output, strict=True):
        with atomic_path(path) as scratch:
            pd.concat(frames, ignore_index=True).to_parquet(scratch, index=False)
