from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    import pandas as pd

    from ontogeny.sas.tables import TABLES
    from ontogeny.tables import read_table, write_table

    table = TABLES[snakemake.params.table]
    parts = [read_table(path, table) for path in snakemake.input]
    write_table(pd.concat(parts, ignore_index=True), table, snakemake.output[0])
