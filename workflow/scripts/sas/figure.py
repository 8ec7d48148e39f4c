from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.studies.sas.figure_rows import SHOWN
    from ontogeny.studies.sas.figures import COMPARISONS, FIGURES
    from ontogeny.studies.sas.tables import ATTENTION, ONSETS, SAS

    name, labels = snakemake.params.figure, snakemake.params.labels
    runs = list(labels) if name in COMPARISONS else [snakemake.wildcards.run]
    corpora = [snakemake.wildcards.corpus, snakemake.params.suite or snakemake.wildcards.corpus]
    shown = {"run": runs, "corpus": corpora}

    table = read_table(snakemake.input.table, SAS, only=shown | {"metric": SHOWN})
    onsets = read_table(snakemake.input.onsets, ONSETS, only=shown)
    if name in COMPARISONS:
        figure = COMPARISONS[name](table, onsets, labels)
    else:
        maps = read_table(snakemake.input.attention, ATTENTION, only=shown)
        figure = FIGURES[name](table, onsets, maps)
    save(figure, Path(snakemake.output.svg).with_suffix(""))
