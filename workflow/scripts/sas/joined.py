from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    import pandas as pd

    from ontogeny.results.tables import read_table, write_table
    from ontogeny.studies.sas.tables import TABLES

    table = TABLES[snakemake.params.table]
    parts = [read_table(path, table) for path in snakemake.input]
    write_table(pd.concat(parts, ignore_index=True), table, snakemake.output[0])
