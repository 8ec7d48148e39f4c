from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import SPLITS, read_split
    from ontogeny.measures.features import open_features
    from ontogeny.results.tables import write_table
    from ontogeny.studies.similarity.measure import measure_run
    from ontogeny.studies.similarity.tables import SIMILARITY
    from ontogeny.studies.similarity.taggers import taggers_of

    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    folders = dict(zip(params.seeds, given.features, strict=True))
    finals = dict(zip(params.seeds, given.finals, strict=True))
    domains = {
        corpus: (folder, taggers_of(tagsets, params.seed))
        for (corpus, tagsets), folder in zip(params.domains.items(), given.taggers, strict=True)
    }

    def features(seed, step, split):
        folder = folders[seed] if step in params.steps else finals[seed]
        return open_features(Path(folder) / f"step-{step}.{split}.safetensors")

    rows = measure_run(
        features,
        params.steps,
        params.seeds,
        params.last,
        {split: read_split(path) for split, path in zip(SPLITS, given.splits, strict=True)},
        domains,
        params.tagsets,
        params.settings,
        params.seed,
    )
    rows = rows.assign(run=wildcards.run, corpus=wildcards.corpus)
    write_table(rows, SIMILARITY, snakemake.output[0])
