from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import read_split
    from ontogeny.results.tables import write_table
    from ontogeny.studies.similarity.tables import TAGGERS
    from ontogeny.studies.similarity.taggers import table, train, write
    from ontogeny.studies.similarity.tagsets import read_semantic
    from ontogeny.studies.similarity.text import longest_documents, tagged_text

    given, params = snakemake.input, snakemake.params
    sentences = longest_documents(read_split(given.sentences), params.documents)
    semantic = read_semantic(params.semantic, sentences) if params.semantic else None
    text = tagged_text(sentences, params.tagsets, seed=params.seed, semantic=semantic)
    taggers = train(text, params.settings, params.seed)
    rows = table(text, taggers).assign(domain=snakemake.wildcards.corpus)
    write_table(rows, TAGGERS, snakemake.output.table)
    write(taggers, text.members, snakemake.output.taggers)
