from pathlib import Path

from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.runs.audit import audit_trajectory
    from ontogeny.runs.audit_tables import write_findings, write_weights

    audit = audit_trajectory(
        Path(snakemake.input.manifest).parent,
        run=snakemake.wildcards.run,
        seed=int(snakemake.wildcards.seed),
        steps=snakemake.params.steps,
    )
    write_weights(audit.metrics, audit.hashes, snakemake.output.weights)
    write_findings(audit.findings, snakemake.output.findings)
