from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.results.claims import evaluate, write_claims
    from ontogeny.results.tables import read_measurements
    from ontogeny.studies.similarity.claims import CLAIMS
    from ontogeny.studies.similarity.curves import read_curves

    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    curves = read_curves(
        read_measurements(given.measured),
        read_measurements(given.taggers),
        wildcards.corpus,
        draws=params.draws,
        seed=params.seed,
    )
    evidence = {(wildcards.run, wildcards.corpus): curves}
    write_claims(evaluate(CLAIMS, evidence, params.tier), snakemake.output[0])
