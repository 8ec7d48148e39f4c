from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.audit.tables import WEIGHTS, join_weights, read_findings, write_findings
    from ontogeny.results.tables import write_table

    trajectories = map(tuple, snakemake.params.trajectories)
    weights = join_weights(dict(zip(trajectories, snakemake.input.weights, strict=True)))
    write_table(weights, WEIGHTS, snakemake.output.weights)
    findings = [finding for path in snakemake.input.findings for finding in read_findings(path)]
    write_findings(findings, snakemake.output.findings)
