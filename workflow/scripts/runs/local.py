from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.runs.local import link_trajectory

    link_trajectory(
        snakemake.params.path,
        Path(snakemake.output.manifest).parent,
        run=snakemake.params.run,
        seed=int(snakemake.wildcards.seed),
        steps=snakemake.params.steps,
        tokenizer=snakemake.params.tokenizer,
    )
