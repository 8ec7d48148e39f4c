from pathlib import Path

from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.plots import save
    from ontogeny.runs.audit_figures import audit_figure
    from ontogeny.runs.audit_tables import WEIGHTS, read_findings
    from ontogeny.tables import read_table

    weights = read_table(snakemake.input.weights, WEIGHTS)
    figure = audit_figure(
        weights[weights["run"] == snakemake.wildcards.run], read_findings(snakemake.input.findings)
    )
    save(figure, Path(snakemake.output.svg).with_suffix(""))
