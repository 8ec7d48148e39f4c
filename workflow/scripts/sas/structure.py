from functools import partial
from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.corpora.corpus import read_split
    from ontogeny.corpora.sampling import sample
    from ontogeny.runs.checkpoints.manifest import check_trajectory
    from ontogeny.studies.sas.checkpoints import measure_checkpoints
    from ontogeny.studies.sas.measure import measure_structure

    given, settings = snakemake.input, snakemake.params.settings
    steps = snakemake.params.steps
    check_trajectory(Path(given.manifest).parent, steps)
    measure_checkpoints(
        partial(
            measure_structure,
            sentences=sample(read_split(given.sentences), snakemake.params.words, settings["seed"]),
            source=given.sentences,
            **settings,
        ),
        dict(zip(steps, given.checkpoints, strict=True)),
        {
            "run": snakemake.wildcards.run,
            "corpus": snakemake.wildcards.corpus,
            "seed": int(snakemake.wildcards.seed),
        },
        snakemake.output,
    )
