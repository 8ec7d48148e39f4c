from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.studies.atlas.figures import FIGURES
    from ontogeny.studies.atlas.study import ATLAS

    name, shown = snakemake.params.figure, {"run": [snakemake.wildcards.run]}
    tables = [
        read_table(snakemake.input[table.name], table, only=shown)
        for table in ATLAS.figure(name).reads
    ]
    save(FIGURES[name](*tables), Path(snakemake.output.svg).with_suffix(""))
