from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    import pandas as pd

    from ontogeny.results.tables import read_table, write_table
    from ontogeny.studies.pushdown.tables import MIGRATION

    parts = [read_table(path, MIGRATION) for path in snakemake.input]
    write_table(pd.concat(parts, ignore_index=True), MIGRATION, snakemake.output[0])
