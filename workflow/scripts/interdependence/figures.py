from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.runs.tables import LOSS
    from ontogeny.studies.interdependence.conditions import RUN
    from ontogeny.studies.interdependence.figures import FIGURES
    from ontogeny.studies.interdependence.study import INTERDEPENDENCE

    names = snakemake.params.figures
    of_run = {"run": [snakemake.wildcards.get("run", RUN)]}
    shown = of_run | {k: [v] for k, v in snakemake.wildcards.items()}
    tables = [
        read_table(snakemake.input[table.name], table, only=of_run if table is LOSS else shown)
        for table in INTERDEPENDENCE.figure(names[0]).reads
    ]
    for name, svg in zip(names, snakemake.output.svg, strict=True):
        save(FIGURES[name](*tables), Path(svg).with_suffix(""))
