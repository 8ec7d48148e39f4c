from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.build import located, write_corpus

    settings, sources = located(snakemake.params.settings, snakemake.input)
    write_corpus(
        snakemake.wildcards.corpus, settings, sources, Path(snakemake.output.statistics).parent
    )
