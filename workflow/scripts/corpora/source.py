from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.sources import SourceFile, fetch

    folder = Path(snakemake.output[0]).parent  # the files' paths begin with the source's name
    fetch(
        snakemake.wildcards.source,
        [SourceFile(**file) for file in snakemake.params.files],
        folder,
        mirror=snakemake.config["mirror"],
        partial=folder / ".partial",  # outside the output, which Snakemake clears before a job
    )
