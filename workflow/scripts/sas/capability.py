from functools import partial
from pathlib import Path

from ontogeny.planning.jobs import job

with job(snakemake.log[0], snakemake.threads):
    from ontogeny.measures.likelihood import read_minimal_pairs
    from ontogeny.runs.checkpoints.manifest import check_trajectory
    from ontogeny.studies.sas.checkpoints import measure_checkpoints
    from ontogeny.studies.sas.measure import drawn_pairs, measure_capability

    given, params = snakemake.input, snakemake.params
    check_trajectory(Path(given.manifest).parent, params.steps)
    pairs = read_minimal_pairs(given.pairs)
    measure_checkpoints(
        partial(
            measure_capability,
            pairs=drawn_pairs(pairs, params.pairs_per_paradigm, params.seed),
            **params.settings,
        ),
        dict(zip(params.steps, given.checkpoints, strict=True)),
        {
            "run": snakemake.wildcards.run,
            "corpus": params.suite,
            "seed": int(snakemake.wildcards.seed),
        },
        snakemake.output,
    )
