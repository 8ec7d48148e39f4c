from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.audit.figures import audit_figure
    from ontogeny.audit.tables import WEIGHTS, read_findings
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table

    weights = read_table(snakemake.input.weights, WEIGHTS)
    figure = audit_figure(
        weights[weights["run"] == snakemake.wildcards.run], read_findings(snakemake.input.findings)
    )
    save(figure, Path(snakemake.output.svg).with_suffix(""))
