from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import SPLITS, read_split
    from ontogeny.measures.features import open_features
    from ontogeny.results.measurements import measure_steps
    from ontogeny.studies.pushdown.answers import compact
    from ontogeny.studies.pushdown.measure import measure

    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    folder = Path(given.features)
    sentences = {split: read_split(path) for split, path in zip(SPLITS, given.splits, strict=True)}

    def probed(step):
        features = {s: open_features(folder / f"step-{step}.{s}.safetensors") for s in SPLITS}
        return measure(
            {split: features[split].vectors for split in SPLITS},
            {split: features[split].valid for split in SPLITS},
            sentences,
            params.tasks,
            seed=params.seed,
            **params.word_labels,
            **params.structural,
        )

    measure_steps(
        probed,
        params.steps,
        {"run": wildcards.run, "corpus": wildcards.corpus, "seed": int(wildcards.seed)},
        {snakemake.output.scores: None, snakemake.output.answers: compact},
    )
