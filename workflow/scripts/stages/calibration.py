from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import read_split
    from ontogeny.runs.checkpoints.manifest import check_trajectory
    from ontogeny.studies.stages.geometry import Sampling
    from ontogeny.studies.stages.trajectory import calibrate_run, write, write_sampling

    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    for manifest in given.manifests:
        check_trajectory(Path(manifest).parent, params.steps)
    sampling, swept = calibrate_run(
        dict(zip(params.checkpoints, given.checkpoints, strict=True)),
        read_split(given.training)["words"],
        read_split(given.sentences)["words"],
        Sampling(**params.chains),
        params.calibration,
        params.text,
    )
    keys = {"run": wildcards.run, "corpus": wildcards.corpus}
    write({"calibration": swept}, keys, snakemake.output)
    write_sampling(sampling, snakemake.output.sampling)
