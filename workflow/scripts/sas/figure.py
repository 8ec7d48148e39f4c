from pathlib import Path

from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.plots import save
    from ontogeny.sas.figures import COMPARISONS, FIGURES
    from ontogeny.sas.tables import ATTENTION, ONSETS, SAS
    from ontogeny.tables import read_table

    name, labels = snakemake.params.figure, snakemake.params.labels
    runs = labels if name in COMPARISONS else [snakemake.wildcards.run]
    corpora = [snakemake.wildcards.corpus, snakemake.params.suite]
    table, onsets, attention = (
        frame[frame["run"].isin(list(runs)) & frame["corpus"].isin(corpora)]
        for frame in (
            read_table(snakemake.input.table, SAS),
            read_table(snakemake.input.onsets, ONSETS),
            read_table(snakemake.input.attention, ATTENTION),
        )
    )
    if name in COMPARISONS:
        figure = COMPARISONS[name](table, onsets, labels)
    else:
        figure = FIGURES[name](table, onsets, attention)
    save(figure, Path(snakemake.output.svg).with_suffix(""))
