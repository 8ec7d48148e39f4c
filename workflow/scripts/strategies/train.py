from pathlib import Path

from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.strategies.conditions import Member
    from ontogeny.strategies.sweep import sweep

    sweep(
        [Member(**member) for member in snakemake.params.members],
        snakemake.params.settings,
        measurements=Path(snakemake.output.measurements),
        embeddings=Path(snakemake.output.embeddings),
        working=Path(snakemake.params.unfinished),
    )
