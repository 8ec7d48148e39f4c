from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.studies.pushdown.figures import FIGURES
    from ontogeny.studies.pushdown.study import PUSHDOWN

    names, wildcards = snakemake.params.figures, snakemake.wildcards
    shown = {"run": [wildcards.run], "corpus": [wildcards.corpus]}
    tables = [
        read_table(snakemake.input[table.name], table, only=shown)
        for table in PUSHDOWN.figure(names[0]).reads
    ]
    for name, svg in zip(names, snakemake.output.svg, strict=True):
        save(FIGURES[name](*tables), Path(svg).with_suffix(""))
