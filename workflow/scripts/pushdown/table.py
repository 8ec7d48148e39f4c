from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    import pandas as pd

    from ontogeny.pushdown.tables import PUSHDOWN
    from ontogeny.tables import write_table

    scores = pd.concat([pd.read_parquet(path) for path in snakemake.input], ignore_index=True)
    write_table(scores, PUSHDOWN, snakemake.output[0])
