from pathlib import Path

from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.plots import save
    from ontogeny.pushdown.figures import FIGURES
    from ontogeny.pushdown.tables import MIGRATION, PUSHDOWN
    from ontogeny.tables import read_table

    shown = f"run == '{snakemake.wildcards.run}' and corpus == '{snakemake.wildcards.corpus}'"
    figure = FIGURES[snakemake.params.figure](
        read_table(snakemake.input.table, PUSHDOWN).query(shown),
        read_table(snakemake.input.migration, MIGRATION).query(shown),
    )
    save(figure, Path(snakemake.output.svg).with_suffix(""))
