from pathlib import Path

from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.sources import SourceFile, fetch

    fetch(
        snakemake.wildcards.source,
        [SourceFile(**file) for file in snakemake.params.files],
        Path(snakemake.output[0]).parent,  # its paths begin with the name of the source
        mirror=snakemake.config["mirror"],
        partial=snakemake.params.partial,
    )
