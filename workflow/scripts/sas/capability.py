from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.measures.likelihood import read_minimal_pairs
    from ontogeny.results.measurements import measure_steps
    from ontogeny.runs.checkpoints.loading import load_checkpoint
    from ontogeny.runs.checkpoints.manifest import check_trajectory
    from ontogeny.studies.sas.measure import drawn_pairs, measure_capability

    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    check_trajectory(Path(given.manifest).parent, params.steps)
    pairs = drawn_pairs(read_minimal_pairs(given.pairs), params.pairs_per_paradigm, params.seed)
    checkpoints = dict(zip(params.steps, given.checkpoints, strict=True))

    def measured(step):
        loaded = load_checkpoint(checkpoints[step])
        return measure_capability(
            loaded.model,
            loaded.tokenizer,
            pairs,
            objective=loaded.objective,
            **params.settings,
        )

    measure_steps(
        measured,
        params.steps,
        {"run": wildcards.run, "corpus": params.suite, "seed": int(wildcards.seed)},
        dict.fromkeys(snakemake.output),
    )
