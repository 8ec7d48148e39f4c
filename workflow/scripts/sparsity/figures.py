from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.runs.tables import LOSS
    from ontogeny.studies.sparsity.figures import FIGURES
    from ontogeny.studies.sparsity.study import SPARSITY

    names, wildcards = snakemake.params.figures, snakemake.wildcards
    of_run = {"run": [wildcards.run]}
    shown = of_run | {"corpus": [wildcards.corpus]}
    tables = [
        read_table(snakemake.input[table.name], table, only=of_run if table is LOSS else shown)
        for table in SPARSITY.figure(names[0]).reads
    ]
    for name, svg in zip(names, snakemake.output.svg, strict=True):
        save(FIGURES[name](*tables), Path(svg).with_suffix(""))
