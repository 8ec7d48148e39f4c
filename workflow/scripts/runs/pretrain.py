from pathlib import Path

from ontogeny.planning.jobs import job

if __name__ == "__main__":  # processes that share a training import this file again
    with job(snakemake.log[0], snakemake.threads):
        from ontogeny.runs.pretraining.launching import pretrain
        from ontogeny.runs.recipes import read_recipe

        run = snakemake.params.run
        folder = Path(snakemake.output.manifest).parent
        # It changes no weights, and so is no parameter of the rule.
        state_every = snakemake.config["runs"][run]["state_every"]
        pretrain(
            read_recipe(snakemake.params.settings | {"state_every": state_every}, run),
            run=run,
            seed=int(snakemake.wildcards.seed),
            train=snakemake.input.train,
            dev=snakemake.input.dev,
            folder=folder,
            # Outside the outputs, which Snakemake clears before a job: so a training resumes.
            working=folder / ".unfinished",
            devices=snakemake.params.devices,
            threads=max(1, snakemake.threads // (snakemake.params.devices or 1)),
        )
