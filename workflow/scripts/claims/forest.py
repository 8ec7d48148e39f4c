from pathlib import Path

from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.claims import read_claims
    from ontogeny.forest import forest
    from ontogeny.plots import save

    claims = read_claims(snakemake.input[0])
    shown = (claims["run"] == snakemake.wildcards.run) & (
        claims["corpus"] == snakemake.wildcards.corpus
    )
    save(forest(claims[shown]), Path(snakemake.output.svg).with_suffix(""))
