from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.studies.norms.figures import FIGURES
    from ontogeny.studies.norms.tables import NORMS

    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table

    table = read_table(snakemake.input.norms, NORMS, only={"run": [snakemake.wildcards.run]})
    save(FIGURES[snakemake.params.figure](table), Path(snakemake.output.svg).with_suffix(""))
