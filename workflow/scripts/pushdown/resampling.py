from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.results.claims import evaluate, write_claims
    from ontogeny.results.tables import check, read_measurements, write_table
    from ontogeny.studies.pushdown.answers import read_answers
    from ontogeny.studies.pushdown.claims import CLAIMS
    from ontogeny.studies.pushdown.migration import migration
    from ontogeny.studies.pushdown.resampling import resample
    from ontogeny.studies.pushdown.tables import MIGRATION, PUSHDOWN

    scores = read_measurements(snakemake.input.scores)
    check(scores, PUSHDOWN)
    maps = resample(
        scores,
        read_answers(snakemake.input.answers),
        share=snakemake.params.share,
        draws=snakemake.params.draws,
        seed=snakemake.params.seed,
    )
    write_table(migration(maps), MIGRATION, snakemake.output.migration)
    claims = evaluate(CLAIMS, {(maps.run, maps.corpus): maps}, snakemake.params.tier)
    write_claims(claims, snakemake.output.claims)
