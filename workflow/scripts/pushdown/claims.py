from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.claims import evaluate, write_claims
    from ontogeny.pushdown.claims import CLAIMS, evidence
    from ontogeny.pushdown.tables import PUSHDOWN
    from ontogeny.tables import read_measurements, read_table

    found = evidence(
        read_table(snakemake.input.table, PUSHDOWN),
        read_measurements(snakemake.input.answers),
        share=snakemake.params.share,
        draws=snakemake.params.draws,
        seed=snakemake.params.seed,
    )
    write_claims(evaluate(CLAIMS, found, snakemake.params.tier), snakemake.output[0])
