from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.claims import evaluate, write_claims
    from ontogeny.strategies.claims import claims, evidence
    from ontogeny.strategies.tables import STRATEGIES
    from ontogeny.tables import read_table

    found = evidence(
        read_table(snakemake.input.table, STRATEGIES),
        draws=snakemake.params.draws,
        seed=snakemake.params.seed,
    )
    (curves,) = found.values()
    write_claims(evaluate(claims(curves), found, snakemake.params.tier), snakemake.output[0])
