from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.studies.stages.geometry import Sampling
    from ontogeny.studies.stages.layout import REGRESSION, TASKS
    from ontogeny.studies.stages.regression import measure
    from ontogeny.studies.stages.trajectory import write

    params = snakemake.params
    found = measure(
        params.regression,
        Sampling(**params.chains),
        params.calibration,
        params.refined,
        params.bandwidth,
    )
    write(found, {"run": REGRESSION, "corpus": TASKS}, snakemake.output)
