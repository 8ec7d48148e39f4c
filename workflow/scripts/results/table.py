from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.results.joined_tables import join_measurements
    from ontogeny.studies import table

    join_measurements(snakemake.input, table(snakemake.wildcards.table), snakemake.output[0])
