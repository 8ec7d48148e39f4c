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

    def shown(path, declaration):
        frame = read_table(path, declaration)
        return frame[frame["run"].isin(list(runs)) & frame["corpus"].isin(corpora)]

    table = shown(snakemake.input.table, SAS)
    onsets = shown(snakemake.input.onsets, ONSETS)
    if name in COMPARISONS:
        figure = COMPARISONS[name](table, onsets, labels)
    else:
        figure = FIGURES[name](table, onsets, shown(snakemake.input.attention, ATTENTION))
    save(figure, Path(snakemake.output.svg).with_suffix(""))
