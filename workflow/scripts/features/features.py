from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads) as logger:
    from ontogeny.corpora.corpus import SPLITS, read_split
    from ontogeny.devices import mixed_precision
    from ontogeny.files import atomic_path
    from ontogeny.measures.features import extract, write
    from ontogeny.runs.checkpoints.loading import load_model, load_tokenizer
    from ontogeny.runs.checkpoints.manifest import check_trajectory

    steps = snakemake.params.steps
    check_trajectory(Path(snakemake.input.manifest).parent, steps)
    sentences = {
        split: read_split(path) for split, path in zip(SPLITS, snakemake.input.splits, strict=True)
    }
    with atomic_path(snakemake.output[0]) as folder:
        folder.mkdir()
        for step, checkpoint in zip(steps, snakemake.input.checkpoints, strict=True):
            logger.info("step %d", step)
            model, tokenizer = load_model(checkpoint), load_tokenizer(checkpoint)
            for split in SPLITS:
                features = extract(
                    model,
                    tokenizer,
                    sentences[split],
                    pooling=snakemake.params.pooling,
                    tokens_per_batch=snakemake.params.tokens_per_batch,
                    normalised=snakemake.params.normalised,
                    segment=snakemake.params.segment,
                    autocast=mixed_precision(snakemake.params.precision),
                )
                write(features, folder / f"step-{step}.{split}.safetensors")
