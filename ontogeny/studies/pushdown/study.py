"""The study of push-down, declared."""

from collections.abc import Iterator

from ontogeny.corpora.tasks import REQUIRED_COLUMN, TASKS
from ontogeny.planning.layout import joined, measurements, studied_pairs
from ontogeny.planning.study import Config, Figure, Joined, Milestones, Need, Settings, Study
from ontogeny.results.tables import Table
from ontogeny.studies.pushdown import protocol
from ontogeny.studies.pushdown.milestones import arrivals
from ontogeny.studies.pushdown.panels import PANELS
from ontogeny.studies.pushdown.tables import MIGRATION
from ontogeny.studies.pushdown.tables import PUSHDOWN as SCORES


def _completed(settings: Settings) -> Settings:
    """Write out the protocol, and `all` tasks of a corpus."""
    corpora = {
        name: list(TASKS) if tasks == "all" else tasks
        for name, tasks in settings["corpora"].items()
    }
    return {**protocol.completed(settings), "corpora": corpora}


def _needs(settings: Settings, corpus: str) -> Iterator[Need]:
    for task in settings["corpora"][corpus]:
        yield Need(f"task {task}", REQUIRED_COLUMN[task], "Leave the task out")


def _pairs(config: Config) -> list[tuple[str, str]]:
    return studied_pairs(config, "pushdown")


def _figure(name: str, label: str, *reads: Table) -> Figure:
    return Figure(name, label, "{run} on {corpus}", reads, ("run", "corpus"), shown=_pairs)


PUSHDOWN = Study(
    name="pushdown",
    title="Push-down",
    question=(
        "In which layers can syntax be read off, and how does that move while the model trains?"
    ),
    panels=PANELS,
    tables=(
        Joined(SCORES, lambda config: measurements(config, "pushdown", "scores")),
        Joined(MIGRATION, lambda config: joined(config, "pushdown", "migration.parquet")),
    ),
    figures=(
        _figure("heatmap", "accuracy by step and layer", SCORES, MIGRATION),
        _figure("regions", "accuracy and variance across seeds", SCORES, MIGRATION),
        _figure("migration", "shallowest sufficient layer", SCORES, MIGRATION),
        _figure("selectivity", "selectivity", SCORES),
        _figure("seen_unseen", "seen and unseen word types", SCORES, MIGRATION),
    ),
    verdicts=lambda config: joined(config, "pushdown", "claims.tsv"),
    judged=_pairs,
    needs=_needs,
    completed=_completed,
    milestones=Milestones((MIGRATION,), arrivals),
    reads_features=True,
)
