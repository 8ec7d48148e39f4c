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
    output = snakemake.output
    check_trajectory(Path(given.manifest).parent, params.steps)
    checkpoints = dict(zip(params.steps, given.checkpoints, strict=True))
    measures, outputs = [], {}

    if hasattr(output, "structure"):
        sentences = sample(read_split(given.sentences), params.words, params.seed)
        settings = {**params.settings, "source": given.sentences, "seed": params.seed}
        measures.append((measure_structure, sentences, settings))
        outputs |= dict.fromkeys([output.structure, output.sentences])
    if hasattr(output, "capability"):
        pairs = read_minimal_pairs(given.pairs)
        pairs = drawn_pairs(pairs, params.pairs_per_paradigm, params.seed)
        measures.append((measure_capability, pairs, params.scoring))
        outputs |= dict.fromkeys(
            [output.capability, output.pairs], lambda rows: rows.assign(corpus=params.suite)
        )

    def measured(step):
        loaded = load_checkpoint(checkpoints[step])
        return [
            rows
            for measure, items, settings in measures
            for rows in measure(
                loaded.model, loaded.tokenizer, items, objective=loaded.objective, **settings
            )
        ]

    measure_steps(
        measured,
        params.steps,
        {"run": wildcards.run, "corpus": params.corpus, "seed": int(wildcards.seed)},
        outputs,
    )
