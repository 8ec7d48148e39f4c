from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.audit.tables import WEIGHTS
    from ontogeny.results.claims import evaluate, write_claims
    from ontogeny.results.tables import read_table, write_table
    from ontogeny.studies import STUDIES
    from ontogeny.studies.atlas.claims import CLAIMS
    from ontogeny.studies.atlas.comparison import compare, joined
    from ontogeny.studies.atlas.maps import states
    from ontogeny.studies.atlas.tables import ATLAS, STATES, TIMELINE
    from ontogeny.studies.atlas.timeline import timeline, times_of

    given, params, output = snakemake.input, snakemake.params, snakemake.output
    settings = params.settings
    found = []
    for study in STUDIES:
        if study.name in params.studies and study.milestones:
            tables = [read_table(given[table.name], table) for table in study.milestones.reads]
            found.append((study.name, study.milestones.find(*tables, params.studies[study.name])))
    rows = timeline(found)
    write_table(rows, TIMELINE, output.timeline)
    compared = {
        (run, ""): compare(
            run,
            times_of(rows, run),
            together=settings["together"],
            permutations=settings["permutations"],
            draws=settings["bootstrap"],
            seed=params.seed,
        )
        for run in params.runs
    }
    write_table(joined(compared.values()), ATLAS, output.compared)
    weights = [read_table(path, WEIGHTS) for path in given.weights]
    write_table(states(weights, seed=params.seed, **settings["map"]), STATES, output.states)
    write_claims(evaluate(CLAIMS, compared, params.tier), output.claims)
