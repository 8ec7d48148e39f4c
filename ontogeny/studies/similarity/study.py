"""The study of similarity, declared."""

from collections.abc import Iterable, Iterator

from ontogeny.planning.layout import joined, studied_pairs
from ontogeny.planning.study import Config, Figure, Joined, Milestones, Need, Settings, Study
from ontogeny.results.tables import Table
from ontogeny.runs.tables import LOSS
from ontogeny.studies.similarity.layout import all_measured, tagger_tables
from ontogeny.studies.similarity.milestones import half_way_to_taggers
from ontogeny.studies.similarity.panels import PANELS
from ontogeny.studies.similarity.tables import SIMILARITY as MEASURED
from ontogeny.studies.similarity.tables import TAGGERS
from ontogeny.studies.similarity.tagsets import ANNOTATED, SEMANTIC


def _needs(settings: Settings, corpus: str) -> Iterator[Need]:
    for tagset in settings["corpora"][corpus]:
        if tagset in ANNOTATED:
            yield Need(f"tag set {tagset}", tagset, "Leave the tag set out")


def _contradictions(settings: Settings, config: Config, sources: Iterable[str]) -> Iterator[str]:
    for corpus, tagsets in settings["corpora"].items():
        files = settings["semantic"].get(corpus, {})
        for tagset, column in SEMANTIC.items():
            if tagset in tagsets and not files.get(column):
                yield (
                    f"corpora.{corpus}: tag set {tagset} needs the column of a file, which "
                    f"semantic.{corpus}.{column} doesn't name. Name it, or leave the tag set out."
                )
    for corpus in settings["semantic"]:
        if corpus not in settings["corpora"]:
            yield f"semantic: {corpus} isn't one of the study's corpora."
    for run in settings["runs"]:
        width = config["runs"].get(run, {}).get("width")
        if width and settings["words"]["test"] - 1 < width + max(width, settings["width"]):
            yield (
                f"words.test: is {settings['words']['test']}, fewer than the dimensions of two "
                f"layers of run {run!r} ({width} each) or of one and a tagger's "
                f"({settings['width']}); expected more words than dimensions, better ten times as "
                "many."
            )


def _pairs(config: Config) -> list[tuple[str, str]]:
    return studied_pairs(config, "similarity")


def _figure(name: str, label: str, *reads: Table) -> Figure:
    return Figure(name, label, "{run} on {corpus}", reads, ("run", "corpus"), shown=_pairs)


SIMILARITY = Study(
    name="similarity",
    title="Similarity",
    question="How do layers settle, and when do they come to resemble a tagger's?",
    panels=PANELS,
    tables=(Joined(MEASURED, all_measured), Joined(TAGGERS, tagger_tables)),
    figures=(
        _figure("convergence", "final states, other seeds, other layers", MEASURED, LOSS),
        _figure("next_taggers", "taggers of the next word", MEASURED, LOSS),
        _figure("input_taggers", "taggers of the word itself", MEASURED, LOSS),
        _figure("diagnostics", "diagnostic classifiers", MEASURED, LOSS),
        _figure("measures", "measures of similarity side by side", MEASURED, LOSS),
        Figure("taggers", "how well the taggers do", "taggers", (TAGGERS,)),
    ),
    verdicts=lambda config: joined(config, "similarity", "claims.tsv"),
    judged=_pairs,
    needs=_needs,
    contradictions=_contradictions,
    milestones=Milestones((MEASURED, TAGGERS), half_way_to_taggers),
    reads_features=True,
)
