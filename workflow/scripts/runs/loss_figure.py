from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.style import save
    from ontogeny.results.tables import read_table
    from ontogeny.runs.figures import loss_curve
    from ontogeny.runs.tables import LOSS

    losses = read_table(snakemake.input[0], LOSS)
    figure = loss_curve(losses[losses["run"] == snakemake.wildcards.run])
    save(figure, Path(snakemake.output.svg).with_suffix(""))
