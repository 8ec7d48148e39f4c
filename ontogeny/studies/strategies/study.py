"""The study of strategies, declared."""

from collections.abc import Iterable

from ontogeny.planning.study import Config, Figure, Joined, Settings, Study
from ontogeny.results.tables import Table
from ontogeny.studies.strategies import conditions, protocol
from ontogeny.studies.strategies.layout import measurements, vocabularies
from ontogeny.studies.strategies.panels import PANELS
from ontogeny.studies.strategies.tables import EMBEDDINGS
from ontogeny.studies.strategies.tables import STRATEGIES as ACCURACIES


def _contradictions(settings: Settings, config: Config, sources: Iterable[str]) -> Iterable[str]:
    return conditions.contradictions(settings)


def _of_a_vocabulary(name: str, label: str, reads: Table) -> Figure:
    return Figure(name, label, "{vocabulary} tokens", (reads,), ("vocabulary",), shown=vocabularies)


STRATEGIES = Study(
    name="strategies",
    title="Strategies",
    question=(
        "When does a model find a part of speech from context, and when does it know it by heart?"
    ),
    panels=PANELS,
    tables=(
        Joined(ACCURACIES, lambda config: measurements(config, "measurements")),
        Joined(EMBEDDINGS, lambda config: measurements(config, "embeddings")),
    ),
    figures=(
        _of_a_vocabulary("curves", "accuracy by evaluation set", ACCURACIES),
        _of_a_vocabulary("probes", "probe accuracy by step and layer", ACCURACIES),
        _of_a_vocabulary("embeddings", "embeddings in two principal components", EMBEDDINGS),
        Figure("switch", "switched roles over ambiguity", "all vocabularies", (ACCURACIES,)),
        Figure(
            "unseen", "unseen tokens over law and vocabulary", "all vocabularies", (ACCURACIES,)
        ),
    ),
    verdicts=lambda config: ["results/measurements/strategies/claims.tsv"],
    contradictions=_contradictions,
    completed=protocol.completed,
)
