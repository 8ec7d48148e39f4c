from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.audit.tables import let_pass, read_findings

    let_pass(
        read_findings(snakemake.input[0]),
        snakemake.params.audit,
        snakemake.input[0],
        attention=snakemake.params.attention,
    )
