from pathlib import Path

from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads) as logger:
    import pandas as pd

    from ontogeny.files import atomic_path
    from ontogeny.likelihood import read_minimal_pairs
    from ontogeny.runs.checkpoints import load_language_model, load_tokenizer, objective
    from ontogeny.runs.manifest import check_trajectory
    from ontogeny.sas.measure import drawn_pairs, measure_capability

    keys = {
        "run": snakemake.wildcards.run,
        "corpus": snakemake.params.suite,
        "seed": int(snakemake.wildcards.seed),
    }
    steps = snakemake.params.steps
    check_trajectory(Path(snakemake.input.manifest).parent, steps)
    pairs = drawn_pairs(
        read_minimal_pairs(snakemake.input.pairs),
        snakemake.params.pairs_per_paradigm,
        snakemake.params.seed,
    )
    capability, by_pair = [], []
    for step, checkpoint in zip(steps, snakemake.input.checkpoints, strict=True):
        logger.info("step %d", step)
        measured = measure_capability(
            load_language_model(checkpoint),
            load_tokenizer(checkpoint),
            pairs,
            objective=objective(checkpoint),
            **snakemake.params.settings,
        )
        capability.append(measured[0].assign(**keys, step=step))
        by_pair.append(measured[1].assign(**keys, step=step))
    for frames, path in zip((capability, by_pair), snakemake.output, strict=True):
        with atomic_path(path) as scratch:
            pd.concat(frames, ignore_index=True).to_parquet(scratch, index=False)
