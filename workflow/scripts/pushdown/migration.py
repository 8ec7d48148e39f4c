from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.pushdown.migration import migration
    from ontogeny.pushdown.tables import MIGRATION, PUSHDOWN
    from ontogeny.tables import read_measurements, read_table, write_table

    numbers = migration(
        read_table(snakemake.input.table, PUSHDOWN),
        read_measurements(snakemake.input.answers),
        share=snakemake.params.share,
        draws=snakemake.params.draws,
        seed=snakemake.params.seed,
    )
    write_table(numbers, MIGRATION, snakemake.output[0])
