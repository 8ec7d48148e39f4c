from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.pushdown.tables import PUSHDOWN
    from ontogeny.tables import read_measurements, write_table

    write_table(read_measurements(snakemake.input), PUSHDOWN, snakemake.output[0])
