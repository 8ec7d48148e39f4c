from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.studies.interdependence.conditions import RUN
    from ontogeny.studies.interdependence.figures import FIGURES
    from ontogeny.studies.interdependence.tables import INTERDEPENDENCE

    name, wildcards = snakemake.params.figure, snakemake.wildcards
    only = {"run": [wildcards.get("run", RUN)]}
    if corpus := wildcards.get("corpus"):
        only["corpus"] = [corpus]
    table = read_table(snakemake.input.interdependence, INTERDEPENDENCE, only=only)
    save(FIGURES[name](table), Path(snakemake.output.svg).with_suffix(""))
