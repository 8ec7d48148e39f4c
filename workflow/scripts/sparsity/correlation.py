from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.results.claims import evaluate, write_claims
    from ontogeny.results.tables import write_table
    from ontogeny.studies.sparsity.claim_statistics import Evidence
    from ontogeny.studies.sparsity.claims import CLAIMS
    from ontogeny.studies.sparsity.rows import correlation_rows, word_rows
    from ontogeny.studies.sparsity.tables import SPARSITY, WORDS
    from ontogeny.studies.sparsity.trajectory import read_trajectory

    params, output = snakemake.params, snakemake.output
    trajectory = read_trajectory(snakemake.input, params.matched)
    write_table(correlation_rows(trajectory), SPARSITY, output.correlations)
    write_table(word_rows(trajectory), WORDS, output.words)
    evidence = Evidence.of(trajectory, draws=params.draws, seed=params.seed)
    found = {(trajectory.run, trajectory.corpus): evidence}
    write_claims(evaluate(CLAIMS, found, params.tier), output.claims)
