from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    import pandas as pd

    from ontogeny.pushdown.tables import MIGRATION
    from ontogeny.tables import read_table, write_table

    parts = [read_table(path, MIGRATION) for path in snakemake.input]
    write_table(pd.concat(parts, ignore_index=True), MIGRATION, snakemake.output[0])
