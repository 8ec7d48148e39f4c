from pathlib import Path

from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.runs.hub import join_manifest

    join_manifest(snakemake.input, Path(snakemake.output[0]).parent)
