from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.results.tables import write_table
    from ontogeny.runs.tables import LOSS, join_losses

    curves = {
        (run, seed): path
        for (run, seed), path in zip(snakemake.params.trajectories, snakemake.input, strict=True)
    }
    write_table(join_losses(curves), LOSS, snakemake.output[0])
