from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.runs.tables import LOSS
    from ontogeny.studies.similarity.figures import FIGURES
    from ontogeny.studies.similarity.study import SIMILARITY

    names, shown = snakemake.params.figures, {k: [v] for k, v in snakemake.wildcards.items()}
    of_run = {k: v for k, v in shown.items() if k == "run"}
    tables = [
        read_table(snakemake.input[table.name], table, only=of_run if table is LOSS else shown)
        for table in SIMILARITY.figure(names[0]).reads
    ]
    for name, svg in zip(names, snakemake.output.svg, strict=True):
        save(FIGURES[name](*tables), Path(svg).with_suffix(""))
