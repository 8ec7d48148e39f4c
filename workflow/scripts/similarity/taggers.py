from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import read_split
    from ontogeny.files import atomic_path
    from ontogeny.measures.taggers import TaggerTraining
    from ontogeny.results.tables import write_table
    from ontogeny.studies.similarity.tables import TAGGERS
    from ontogeny.studies.similarity.taggers import train

    given, made, params = snakemake.input, snakemake.output, snakemake.params
    with atomic_path(made.taggers) as folder:
        rows = train(
            read_split(given.sentences),
            params.tagsets,
            source=given.sentences,
            training=TaggerTraining(**params.training),
            semantic=params.semantic,
            seed=params.seed,
            folder=folder,
            **params.settings,
        )
    write_table(rows.assign(domain=snakemake.wildcards.corpus), TAGGERS, made.table)
