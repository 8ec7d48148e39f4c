from pathlib import Path

from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.plots import save
    from ontogeny.strategies.figures import FIGURES
    from ontogeny.strategies.tables import EMBEDDINGS, STRATEGIES
    from ontogeny.tables import read_table

    vocabulary = snakemake.wildcards.get("vocabulary")
    shown = [
        table if vocabulary is None else table[table["vocabulary"] == int(vocabulary)]
        for table in (
            read_table(snakemake.input.table, STRATEGIES),
            read_table(snakemake.input.embeddings, EMBEDDINGS),
        )
    ]
    save(FIGURES[snakemake.params.figure](*shown), Path(snakemake.output.svg).with_suffix(""))
