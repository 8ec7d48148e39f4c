from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.runs.hub.fetching import join_manifest

    join_manifest(snakemake.input, Path(snakemake.output[0]).parent)
