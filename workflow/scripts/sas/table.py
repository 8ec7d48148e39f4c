from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.joined_tables import join_measurements
    from ontogeny.sas.tables import SAS

    join_measurements(snakemake.input, SAS, snakemake.output[0])
