from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import read_split
    from ontogeny.measures.interactions.cloned_sentences import chosen
    from ontogeny.results.measurements import measure_steps
    from ontogeny.runs.checkpoints.manifest import check_trajectory
    from ontogeny.studies.clones.losses import measure_checkpoint, read_clones

    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    check_trajectory(Path(given.manifest).parent, params.steps)
    source = given.sentences
    sentences = chosen(read_split(source), params.settings, params.seed, source)
    texts = read_clones(dict(zip(params.clones, given.clones, strict=True)), sentences)
    checkpoints = dict(zip(params.steps, given.checkpoints, strict=True))
    measure_steps(
        lambda step: measure_checkpoint(
            checkpoints[step], texts, places=params.settings["places"], seed=params.seed
        ),
        params.steps,
        {"run": wildcards.run, "corpus": wildcards.corpus, "seed": int(wildcards.seed)},
        {snakemake.output[0]: None},
    )
