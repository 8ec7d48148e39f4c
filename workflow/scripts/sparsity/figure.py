from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.runs.tables import LOSS
    from ontogeny.studies.sparsity.figures import FIGURES
    from ontogeny.studies.sparsity.study import SPARSITY

    name, wildcards = snakemake.params.figure, snakemake.wildcards
    of_run = {"run": [wildcards.run]}
    shown = of_run | {"corpus": [wildcards.corpus]}
    tables = [
        read_table(snakemake.input[table.name], table, only=of_run if table is LOSS else shown)
        for table in SPARSITY.figure(name).reads
    ]
    save(FIGURES[name](*tables), Path(snakemake.output.svg).with_suffix(""))
