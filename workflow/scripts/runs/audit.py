from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.audit.tables import write_findings, write_weights
    from ontogeny.audit.trajectory import audit_trajectory

    audit = audit_trajectory(
        Path(snakemake.input.manifest).parent,
        run=snakemake.wildcards.run,
        seed=int(snakemake.wildcards.seed),
        steps=snakemake.params.steps,
    )
    write_weights(audit.metrics, audit.hashes, snakemake.output.weights)
    write_findings(audit.findings, snakemake.output.findings)
