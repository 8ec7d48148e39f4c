from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.joined_tables import join_measurements
    from ontogeny.pushdown.tables import PUSHDOWN

    join_measurements(snakemake.input, PUSHDOWN, snakemake.output[0])
