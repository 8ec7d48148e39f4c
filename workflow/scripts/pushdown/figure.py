from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.studies.pushdown.figures import FIGURES
    from ontogeny.studies.pushdown.tables import MIGRATION, PUSHDOWN

    shown = f"run == '{snakemake.wildcards.run}' and corpus == '{snakemake.wildcards.corpus}'"
    figure = FIGURES[snakemake.params.figure](
        read_table(snakemake.input.table, PUSHDOWN).query(shown),
        read_table(snakemake.input.migration, MIGRATION).query(shown),
    )
    save(figure, Path(snakemake.output.svg).with_suffix(""))
