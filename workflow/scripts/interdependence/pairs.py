from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import read_split
    from ontogeny.corpora.sampling import sample
    from ontogeny.results.measurements import measure_steps
    from ontogeny.runs.checkpoints.loading import load_checkpoint
    from ontogeny.runs.checkpoints.manifest import check_trajectory
    from ontogeny.studies.interdependence.measure import measure_pairs, of_steps
    from ontogeny.studies.interdependence.tables import INTERDEPENDENCE
    from ontogeny.studies.interdependence.word_pairs import word_counts, word_pairs

    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    check_trajectory(Path(given.manifest).parent, params.steps)
    sentences = sample(read_split(given.sentences), params.words, params.settings["seed"])
    counts = word_counts(read_split(given.frequencies))
    pairs = word_pairs(sentences, params.farthest, counts, given.sentences)
    checkpoints = dict(zip(params.steps, given.checkpoints, strict=True))

    def measured(step):
        loaded = load_checkpoint(checkpoints[step])
        return measure_pairs(loaded.model, loaded.tokenizer, sentences, pairs, **params.settings)

    columns = [column.name for column in INTERDEPENDENCE.columns]
    keys = {"run": wildcards.run, "corpus": wildcards.corpus, "seed": int(wildcards.seed)}
    compared = of_steps(params.compared)
    made = (lambda rows: rows.reindex(columns=columns), compared, compared)
    measure_steps(measured, params.steps, keys, dict(zip(snakemake.output, made, strict=True)))
