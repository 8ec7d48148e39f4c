"""The study of norms, declared."""

from ontogeny.studies.norms.milestones import growth
from ontogeny.studies.norms.panels import PANELS
from ontogeny.studies.norms.tables import NORMS as MEASURED

from ontogeny.planning.study import Config, Figure, Joined, Milestones, Study


def measurements(config: Config) -> list[str]:
    """Return the files of measurements: one for each run and seed."""
    return [
        f"results/measurements/norms/{run}/seed-{seed}.parquet"
        for run in config["studies"]["norms"]["runs"]
        for seed in config["runs"][run]["seeds"]
    ]


def _runs(config: Config) -> list[tuple[str]]:
    return [(run,) for run in config["studies"]["norms"]["runs"]]


NORMS = Study(
    name="norms",
    title="Norms",
    tables=(Joined(MEASURED, measurements),),
    figures=(Figure("growth", "norm by step", "{run}", (MEASURED,), ("run",), _runs),),
    verdicts=lambda config: ["results/measurements/norms/claims.tsv"],
    milestones=Milestones((MEASURED,), growth),
    panels=PANELS,
)
