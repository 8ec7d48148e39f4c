from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import read_split
    from ontogeny.runs.checkpoints.manifest import check_trajectory
    from ontogeny.studies.stages.trajectory import measure, read_sampling, write

    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    check_trajectory(Path(given.manifest).parent, params.steps)
    found = measure(
        dict(zip(params.steps, given.checkpoints, strict=True)),
        read_split(given.training)["words"],
        read_split(given.sentences)["words"],
        read_sampling(given.sampling),
        params.text,
        params.refined,
        params.bandwidth,
    )
    keys = {"run": wildcards.run, "corpus": wildcards.corpus, "seed": int(wildcards.seed)}
    write(found, keys, snakemake.output)
