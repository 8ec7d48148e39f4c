"""The study of interdependence, declared."""

from collections.abc import Iterable, Iterator

from ontogeny.planning.layout import studied_pairs
from ontogeny.planning.study import Config, Figure, Joined, Need, Settings, Study
from ontogeny.runs.tables import LOSS
from ontogeny.studies.interdependence import conditions
from ontogeny.studies.interdependence.layout import measured, synthetic, verdicts
from ontogeny.studies.interdependence.panels import PANELS
from ontogeny.studies.interdependence.tables import INTERDEPENDENCE as MEASURES


def _needs(settings: Settings, corpus: str) -> Iterator[Need]:
    yield Need("syntactic distance", "head", "Leave the corpus out")
    yield Need("open and closed classes", "upos", "Leave the corpus out")


def _contradictions(settings: Settings, config: Config, sources: Iterable[str]) -> Iterator[str]:
    if settings["synthetic"] is not None:
        yield from (
            f"synthetic.{fault}" for fault in conditions.contradictions(settings["synthetic"])
        )
    elif not settings["runs"]:
        yield "runs: is empty, and synthetic is left out; expected either, or both."
    if bool(settings["runs"]) != bool(settings["corpora"]):
        yield "corpora: words of a corpus are paired in runs; expected both, or neither."


def _pairs(config: Config) -> list[tuple[str, str]]:
    return studied_pairs(config, "interdependence")


def _once_of_rule(config: Config) -> list[tuple[()]]:
    return [()] if synthetic(config) else []


def _of_rule(name: str, label: str) -> Figure:
    return Figure(
        name,
        label,
        "synthetic rule",
        (MEASURES,),
        shown=_once_of_rule,
    )


INTERDEPENDENCE = Study(
    name="interdependence",
    title="Interdependence",
    question=(
        "How far do words mean something else together than alone, and what does a "
        "familiar context teach?"
    ),
    panels=PANELS,
    tables=(Joined(MEASURES, measured),),
    figures=(
        Figure(
            "distances",
            "interdependence by distance",
            "{run} on {corpus}",
            (MEASURES, LOSS),
            ("run", "corpus"),
            _pairs,
        ),
        _of_rule("rule", "probability of omega, and interdependence, by step"),
        _of_rule("prefix", "probability of omega as the prefix grows"),
        _of_rule("counts", "probability of omega by rule count"),
        _of_rule("gradients", "gradient by distance"),
    ),
    verdicts=verdicts,
    judged=_pairs,
    needs=_needs,
    contradictions=_contradictions,
)
