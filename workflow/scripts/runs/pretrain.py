from pathlib import Path

from ontogeny.jobs import job

if __name__ == "__main__":  # processes that share a training import this file again
    with job(snakemake.log[0], snakemake.threads):
        from ontogeny.runs.launching import pretrain
        from ontogeny.runs.recipes import read_recipe

        pretrain(
            read_recipe(snakemake.params.settings, snakemake.params.run),
            run=snakemake.params.run,
            seed=int(snakemake.wildcards.seed),
            train=snakemake.input.train,
            dev=snakemake.input.dev,
            folder=Path(snakemake.output.manifest).parent,
            working=snakemake.params.unfinished,
            devices=snakemake.params.devices,
            threads=snakemake.threads,
        )
