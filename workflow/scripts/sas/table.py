from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.sas.tables import SAS
    from ontogeny.tables import read_measurements, write_table

    write_table(read_measurements(snakemake.input), SAS, snakemake.output[0])
