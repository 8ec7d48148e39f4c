from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.sources import SourceFile, fetch

    fetch(
        snakemake.wildcards.source,
        [SourceFile(**file) for file in snakemake.params.files],
        snakemake.output[0],
        mirror=snakemake.config["mirror"],
        partial=snakemake.params.partial,
    )
