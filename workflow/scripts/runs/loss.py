from ontogeny.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.runs.tables import LOSS, join_losses
    from ontogeny.tables import write_table

    curves = {
        (run, seed): path
        for (run, seed), path in zip(snakemake.params.trajectories, snakemake.input, strict=True)
    }
    write_table(join_losses(curves), LOSS, snakemake.output[0])
