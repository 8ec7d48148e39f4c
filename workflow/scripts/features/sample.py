from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads) as logger:
    from ontogeny.corpora.corpus import SPLITS, read_split, require, write_split
    from ontogeny.corpora.sampling import sample

    for split, source, target in zip(
        SPLITS, snakemake.input.splits, snakemake.output.splits, strict=True
    ):
        sentences = read_split(source)
        for need in snakemake.params.needs:
            require(sentences, source=source, **need)
        drawn = sample(sentences, snakemake.params.words[split], snakemake.params.seed)
        logger.info("%s: %d of %d sentences", split, len(drawn), len(sentences))
        write_split(drawn, target)
