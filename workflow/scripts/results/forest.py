from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.figures.forest import forest
    from ontogeny.figures.style import save
    from ontogeny.results.claims import read_claims

    claims = read_claims(snakemake.input[0])
    shown = (claims["run"] == snakemake.wildcards.run) & (
        claims["corpus"] == snakemake.wildcards.corpus
    )
    save(forest(claims[shown]), Path(snakemake.output.svg).with_suffix(""))
