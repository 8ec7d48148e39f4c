from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.studies.norms.figures import FIGURES
    from ontogeny.studies.norms.tables import NORMS

    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table

    table = read_table(snakemake.input.norms, NORMS, only={"run": [snakemake.wildcards.run]})
    for name, svg in zip(snakemake.params.figures, snakemake.output.svg, strict=True):
        save(FIGURES[name](table), Path(svg).with_suffix(""))
