from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.studies.sas.figure_rows import SHOWN
    from ontogeny.studies.sas.figures import FIGURES
    from ontogeny.studies.sas.study import SAS
    from ontogeny.studies.sas.tables import SAS as MEASURES

    names, settings = snakemake.params.figures, snakemake.params.settings
    wildcards = snakemake.wildcards
    compared = {"labels": settings["labels"]} if names == ["interventions"] else {}
    shown = {
        "run": [*compared.get("labels", [wildcards.run])],
        "corpus": [wildcards.corpus, settings["suite"] or wildcards.corpus],
    }
    tables = [
        read_table(
            snakemake.input[table.name],
            table,
            only=shown | ({"metric": SHOWN} if table is MEASURES else {}),
        )
        for table in SAS.figure(names[0]).reads
    ]
    for name, svg in zip(names, snakemake.output.svg, strict=True):
        save(FIGURES[name](*tables, **compared), Path(svg).with_suffix(""))
