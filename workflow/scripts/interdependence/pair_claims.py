from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.results.claims import evaluate, write_claims
    from ontogeny.results.tables import read_measurements
    from ontogeny.studies.interdependence.pair_claims import CLAIMS
    from ontogeny.studies.interdependence.pair_statistics import resample

    params = snakemake.params
    resampled = resample(
        read_measurements(snakemake.input.sentences),
        read_measurements(snakemake.input.frequencies),
        least_cases=params.least_cases,
        draws=params.draws,
        seed=params.seed,
    )
    found = {(snakemake.wildcards.run, snakemake.wildcards.corpus): resampled}
    write_claims(evaluate(CLAIMS, found, params.tier), snakemake.output[0])
