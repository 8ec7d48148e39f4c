from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.studies.strategies.figures import FIGURES
    from ontogeny.studies.strategies.study import STRATEGIES

    names, vocabulary = snakemake.params.figures, snakemake.wildcards.get("vocabulary")
    (read,) = STRATEGIES.figure(names[0]).reads
    table = read_table(snakemake.input[read.name], read)
    if vocabulary is not None:
        table = table[table["vocabulary"] == int(vocabulary)]
    for name, svg in zip(names, snakemake.output.svg, strict=True):
        save(FIGURES[name](table), Path(svg).with_suffix(""))
