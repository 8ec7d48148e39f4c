from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.results.claims import join, read_claims, write_claims

    write_claims(join([read_claims(path) for path in snakemake.input]), snakemake.output[0])
