from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    import pandas as pd

    from ontogeny.pushdown.migration import migration
    from ontogeny.pushdown.tables import MIGRATION, PUSHDOWN
    from ontogeny.tables import read_table, write_table

    answers = pd.concat(map(pd.read_parquet, snakemake.input.answers), ignore_index=True)
    numbers = migration(
        read_table(snakemake.input.table, PUSHDOWN),
        answers,
        share=snakemake.params.share,
        draws=snakemake.params.draws,
        seed=snakemake.params.seed,
    )
    write_table(numbers, MIGRATION, snakemake.output[0])
