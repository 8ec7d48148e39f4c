from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.results.joined_tables import join_measurements
    from ontogeny.studies.pushdown.tables import PUSHDOWN

    join_measurements(snakemake.input, PUSHDOWN, snakemake.output[0])
