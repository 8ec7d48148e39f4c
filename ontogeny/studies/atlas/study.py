"""The atlas, declared. It reads other studies through the milestones that they declare."""

from ontogeny.planning.study import Config, Figure, Joined, Study
from ontogeny.results.tables import Table
from ontogeny.studies.atlas.layout import part, shared_runs
from ontogeny.studies.atlas.panels import PANELS
from ontogeny.studies.atlas.tables import ATLAS as COMPARED
from ontogeny.studies.atlas.tables import STATES, TIMELINE


def _shown(config: Config) -> list[tuple[str]]:
    return [(run,) for run in shared_runs(config)]


def _figure(name: str, label: str, *reads: Table) -> Figure:
    return Figure(name, label, "{run}", reads, ("run",), _shown)


ATLAS = Study(
    name="atlas",
    title="Atlas",
    tables=(
        Joined(TIMELINE, lambda config: part("timeline.parquet")),
        Joined(COMPARED, lambda config: part("compared.parquet")),
        Joined(STATES, lambda config: part("states.parquet")),
    ),
    figures=(
        _figure("timeline", "milestones of all studies", TIMELINE, STATES),
        _figure("order", "which milestones come before which", TIMELINE, COMPARED),
        _figure("coincidence", "which milestones come together", TIMELINE, COMPARED),
        _figure("map", "states of training by the weights", STATES),
    ),
    verdicts=lambda config: part("claims.tsv"),
    panels=PANELS,
    reads_studies=True,
    question="What happens when, over all studies of a run, and in which order?",
)
