"""The study of syntactic attention, declared."""

import os
from collections.abc import Callable, Iterable, Iterator

from ontogeny.corpora.catalogue import MINIMAL_PAIRS
from ontogeny.planning.layout import joined, studied_pairs
from ontogeny.planning.study import Config, Figure, Joined, Milestones, Need, Settings, Study
from ontogeny.results.tables import Table
from ontogeny.studies.sas.layout import (
    attention_maps,
    figure_settings,
    measured,
    shown_alone,
    shown_together,
)
from ontogeny.studies.sas.milestones import found
from ontogeny.studies.sas.panels import PANELS
from ontogeny.studies.sas.tables import ATTENTION, ONSETS
from ontogeny.studies.sas.tables import SAS as MEASURES

Pairs = Callable[[Config], list[tuple[str, str]]]


def _needs(settings: Settings, corpus: str) -> Iterator[Need]:
    for column in ("head", "deprel"):
        yield Need("syntactic attention", column, "Leave the corpus out")


def _contradictions(settings: Settings, config: Config, sources: Iterable[str]) -> Iterator[str]:
    asked, corpora = settings["minimal_pairs"], config["corpora"]
    grammars = [name for name, corpus in corpora.items() if corpus["kind"] == "grammar"]
    suites = [name for name in MINIMAL_PAIRS if name in sources]
    if asked is None or asked in grammars:
        return
    if "/" not in asked:
        if asked not in suites or asked in corpora:
            yield (
                f"minimal_pairs: there are no minimal pairs {asked!r}; expected "
                f"{', '.join([*grammars, *suites, 'a folder'])} (with a slash in its name, such as "
                f"./{asked}) that holds files *.jsonl in BLiMP's form."
            )
    elif not os.path.isdir(os.path.expanduser(asked)):
        yield f"minimal_pairs: there is no folder {asked!r}; expected one that exists."


def _figure(name: str, label: str, reads: tuple[Table, ...], shown: Pairs = shown_alone) -> Figure:
    return Figure(name, label, "{run} on {corpus}", reads, ("run", "corpus"), shown)


SAS = Study(
    name="sas",
    title="Syntactic attention",
    question=(
        "When does attention follow syntax, what does that bring, and what happens without it?"
    ),
    panels=PANELS,
    tables=(
        Joined(MEASURES, measured),
        Joined(ONSETS, lambda config: joined(config, "sas", "onsets.parquet")),
        Joined(ATTENTION, attention_maps),
    ),
    figures=(
        _figure("onsets", "onsets of structure and capability", (MEASURES, ONSETS)),
        _figure("relations", "implicit parse by relation", (MEASURES,)),
        _figure("heads", "best heads at the last checkpoint", (MEASURES,)),
        _figure("complexity", "complexity and onsets", (MEASURES, ONSETS)),
        _figure("attention", "attention of a best head", (ATTENTION,)),
        _figure("interventions", "interventions side by side", (MEASURES, ONSETS), shown_together),
    ),
    verdicts=lambda config: joined(config, "sas", "claims.tsv"),
    judged=lambda config: studied_pairs(config, "sas"),
    needs=_needs,
    contradictions=_contradictions,
    figure_settings=figure_settings,
    milestones=Milestones((ONSETS,), found),
    reads_attention=True,
)
