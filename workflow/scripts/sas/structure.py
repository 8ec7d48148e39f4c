from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import read_split
    from ontogeny.corpora.sampling import sample
    from ontogeny.results.measurements import measure_steps
    from ontogeny.runs.checkpoints.loading import load_checkpoint
    from ontogeny.runs.checkpoints.manifest import check_trajectory
    from ontogeny.studies.sas.measure import measure_structure

    given, settings, wildcards = snakemake.input, snakemake.params.settings, snakemake.wildcards
    steps = snakemake.params.steps
    check_trajectory(Path(given.manifest).parent, steps)
    sentences = sample(read_split(given.sentences), snakemake.params.words, settings["seed"])
    checkpoints = dict(zip(steps, given.checkpoints, strict=True))

    def measured(step):
        loaded = load_checkpoint(checkpoints[step])
        return measure_structure(
            loaded.model,
            loaded.tokenizer,
            sentences,
            source=given.sentences,
            objective=loaded.objective,
            **settings,
        )

    measure_steps(
        measured,
        steps,
        {"run": wildcards.run, "corpus": wildcards.corpus, "seed": int(wildcards.seed)},
        dict.fromkeys(snakemake.output),
    )
