from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import read_split
    from ontogeny.files import atomic_path
    from ontogeny.results.claims import evaluate, write_claims
    from ontogeny.studies.clones.claims import CLAIMS, Synthetic
    from ontogeny.studies.clones.hamiltonian import hamiltonian_of, learn, symbols_of
    from ontogeny.studies.clones.layout import HAMILTONIAN
    from ontogeny.studies.clones.rows import as_rows

    given, params, output = snakemake.input, snakemake.params, snakemake.output
    corpus = params.settings["corpus"]
    hamiltonian = hamiltonian_of(params.corpus)
    training, held_out = (
        symbols_of(read_split(path), hamiltonian, path) for path in (given.training, given.held_out)
    )
    learned = learn(hamiltonian, training, held_out, params.settings)
    with atomic_path(output.rows) as scratch:
        as_rows(learned.rows, run=HAMILTONIAN, corpus=corpus).to_parquet(scratch, index=False)
    found = {(HAMILTONIAN, corpus): Synthetic(learned, params.draws, params.seed)}
    write_claims(evaluate(CLAIMS, found, params.tier), output.claims)
