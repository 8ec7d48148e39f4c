from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import read_split
    from ontogeny.corpora.sampling import sample
    from ontogeny.measures.likelihood import read_minimal_pairs
    from ontogeny.results.measurements import measure_steps
    from ontogeny.runs.checkpoints.loading import load_checkpoint
    from ontogeny.runs.checkpoints.manifest import check_trajectory
    from ontogeny.studies.sas.measure import drawn_pairs, measure_capability, measure_structure

    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    output, settings = snakemake.output, params.settings
    check_trajectory(Path(given.manifest).parent, params.steps)
    sentences = sample(read_split(given.sentences), params.words, settings["seed"])
    checkpoints = dict(zip(params.steps, given.checkpoints, strict=True))
    outputs = {output.structure: None, output.sentences: None}
    suite = params.get("suite")
    if suite is not None:
        pairs = read_minimal_pairs(given.pairs)
        pairs = drawn_pairs(pairs, params.pairs_per_paradigm, settings["seed"])
        outputs |= dict.fromkeys(
            [output.capability, output.pairs], lambda rows: rows.assign(corpus=suite)
        )

    def measured(step):
        loaded = load_checkpoint(checkpoints[step])
        found = measure_structure(
            loaded.model,
            loaded.tokenizer,
            sentences,
            source=given.sentences,
            objective=loaded.objective,
            **settings,
        )
        if suite is None:
            return found
        return *found, *measure_capability(
            loaded.model,
            loaded.tokenizer,
            pairs,
            objective=loaded.objective,
            **params.scoring,
        )

    measure_steps(
        measured,
        params.steps,
        {"run": wildcards.run, "corpus": params.corpus, "seed": int(wildcards.seed)},
        outputs,
    )
