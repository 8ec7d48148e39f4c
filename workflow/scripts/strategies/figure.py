from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.studies.strategies.figures import FIGURES
    from ontogeny.studies.strategies.study import STRATEGIES

    name, vocabulary = snakemake.params.figure, snakemake.wildcards.get("vocabulary")
    (read,) = STRATEGIES.figure(name).reads
    table = read_table(snakemake.input[read.name], read)
    if vocabulary is not None:
        table = table[table["vocabulary"] == int(vocabulary)]
    save(FIGURES[name](table), Path(snakemake.output.svg).with_suffix(""))
