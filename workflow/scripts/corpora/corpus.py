from pathlib import Path

from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.build import write_corpus

    write_corpus(
        snakemake.wildcards.corpus,
        snakemake.params.settings,
        "results/sources",
        Path(snakemake.output.statistics).parent,
    )
