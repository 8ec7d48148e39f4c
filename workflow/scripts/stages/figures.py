from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.studies.stages.figures import FIGURES
    from ontogeny.studies.stages.study import STAGES

    names, wildcards = snakemake.params.figures, snakemake.wildcards
    shown = {"run": [wildcards.trained], "corpus": [wildcards.text]}
    tables = [
        read_table(snakemake.input[table.name], table, only=shown)
        for table in STAGES.figure(names[0]).reads
    ]
    bandwidth = snakemake.params.settings["bandwidth"]
    for name, svg in zip(names, snakemake.output.svg, strict=True):
        save(FIGURES[name](*tables, bandwidth=bandwidth), Path(svg).with_suffix(""))
