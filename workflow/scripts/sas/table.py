from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.results.joined_tables import join_measurements
    from ontogeny.studies.sas.tables import SAS

    join_measurements(snakemake.input, SAS, snakemake.output[0])
