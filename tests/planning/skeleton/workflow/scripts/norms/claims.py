from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.studies.norms.claims import CLAIMS, evidence
    from ontogeny.studies.norms.tables import NORMS

    from ontogeny.results.claims import evaluate, write_claims
    from ontogeny.results.tables import read_table

    found = evidence(read_table(snakemake.input[0], NORMS))
    write_claims(evaluate(CLAIMS, found, snakemake.params.tier), snakemake.output[0])
