from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads) as logger:
    import pandas as pd

    from ontogeny.corpora.corpus import SPLITS, read_split
    from ontogeny.files import atomic_path
    from ontogeny.measures.features import open_features
    from ontogeny.studies.pushdown.answers import compact
    from ontogeny.studies.pushdown.measure import measure

    keys = {
        "run": snakemake.wildcards.run,
        "corpus": snakemake.wildcards.corpus,
        "seed": int(snakemake.wildcards.seed),
    }
    sentences = {
        split: read_split(path) for split, path in zip(SPLITS, snakemake.input.splits, strict=True)
    }
    scores, answers = [], []
    for step in snakemake.params.steps:
        logger.info("step %d", step)
        folder = Path(snakemake.input.features)
        features = {s: open_features(folder / f"step-{step}.{s}.safetensors") for s in SPLITS}
        measured = measure(
            {split: features[split].vectors for split in SPLITS},
            {split: features[split].valid for split in SPLITS},
            sentences,
            snakemake.params.tasks,
            l2=snakemake.params.l2,
            seed=snakemake.params.seed,
            **snakemake.params.structural,
        )
        scores.append(measured[0].assign(**keys, step=step))
        answers.append(compact(measured[1].assign(**keys, step=step)))
    for frames, path in zip((scores, answers), snakemake.output, strict=True):
        with atomic_path(path) as scratch:
            pd.concat(frames, ignore_index=True).to_parquet(scratch, index=False)
