from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.files import atomic_path
    from ontogeny.results.claims import evaluate, write_claims
    from ontogeny.studies.clones.claims import CLAIMS
    from ontogeny.studies.clones.evidence import read_depths, read_evidence, rows_of
    from ontogeny.studies.clones.rows import as_rows

    given, params, output = snakemake.input, snakemake.params, snakemake.output
    evidence = read_evidence(
        given.losses,
        read_depths(given.samplers),
        tolerance=params.tolerance,
        draws=params.draws,
        seed=params.seed,
    )
    with atomic_path(output.rows) as scratch:
        as_rows(rows_of(evidence)).to_parquet(scratch, index=False)
    found = {(evidence.run, evidence.corpus): evidence}
    write_claims(evaluate(CLAIMS, found, params.tier), output.claims)
