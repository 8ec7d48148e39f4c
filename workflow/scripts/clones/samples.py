from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import read_split
    from ontogeny.files import atomic_path
    from ontogeny.measures.interactions.cloned_sentences import chosen
    from ontogeny.studies.clones.rows import as_rows
    from ontogeny.studies.clones.samples import sample

    given, params, output = snakemake.input, snakemake.params, snakemake.output
    wildcards = snakemake.wildcards
    source = given.sentences
    sentences = chosen(read_split(source), params.settings, params.seed, source)
    clones = dict(zip(params.settings["sweeps"], output.clones, strict=True))
    rows, shown = sample(
        given.checkpoint, sentences, params.settings, params.seed, clones, params.working, source
    )
    keys = {"run": wildcards.run, "corpus": wildcards.corpus, "seed": params.run_seed}
    with atomic_path(output.rows) as scratch:
        as_rows(rows, **keys, step=params.step).to_parquet(scratch, index=False)
    with atomic_path(output.sentences) as scratch:
        shown.assign(**keys).to_parquet(scratch, index=False)
