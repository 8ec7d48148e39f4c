from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.results.claims import evaluate, write_claims
    from ontogeny.results.tables import write_table
    from ontogeny.studies.stages.claims import CLAIMS
    from ontogeny.studies.stages.evidence import boundary_rows, read_evidence
    from ontogeny.studies.stages.tables import BOUNDARIES

    given, params, output = snakemake.input, snakemake.params, snakemake.output
    evidence = read_evidence(
        given.measures,
        given.chains,
        bandwidth=params.bandwidth,
        draws=params.draws,
        seed=params.seed,
    )
    write_table(boundary_rows(evidence), BOUNDARIES, output.boundaries)
    found = {(evidence.run, evidence.corpus): evidence}
    write_claims(evaluate(CLAIMS, found, params.tier), output.claims)
