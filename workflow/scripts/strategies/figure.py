from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.studies.strategies.figures import FIGURES
    from ontogeny.studies.strategies.tables import EMBEDDINGS, STRATEGIES

    vocabulary = snakemake.wildcards.get("vocabulary")
    shown = [
        table if vocabulary is None else table[table["vocabulary"] == int(vocabulary)]
        for table in (
            read_table(snakemake.input.table, STRATEGIES),
            read_table(snakemake.input.embeddings, EMBEDDINGS),
        )
    ]
    save(FIGURES[snakemake.params.figure](*shown), Path(snakemake.output.svg).with_suffix(""))
