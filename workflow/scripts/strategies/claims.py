from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.results.claims import evaluate, write_claims
    from ontogeny.results.tables import read_table
    from ontogeny.studies.strategies.claims import claims, evidence
    from ontogeny.studies.strategies.tables import STRATEGIES

    found = evidence(
        read_table(snakemake.input.table, STRATEGIES),
        draws=snakemake.params.draws,
        seed=snakemake.params.seed,
    )
    (curves,) = found.values()
    write_claims(evaluate(claims(curves), found, snakemake.params.tier), snakemake.output[0])
