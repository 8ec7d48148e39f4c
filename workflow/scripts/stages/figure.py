from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.studies.stages.figures import FIGURES
    from ontogeny.studies.stages.study import STAGES

    name, wildcards = snakemake.params.figure, snakemake.wildcards
    shown = {"run": [wildcards.trained], "corpus": [wildcards.text]}
    tables = [
        read_table(snakemake.input[table.name], table, only=shown)
        for table in STAGES.figure(name).reads
    ]
    drawn = FIGURES[name](*tables, bandwidth=snakemake.params.settings["bandwidth"])
    save(drawn, Path(snakemake.output.svg).with_suffix(""))
