"""Corpora that are sampled from runs: what of them can't be, told from the configuration."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ontogeny.corpora.build import SAMPLED
from ontogeny.planning.runs import names
from ontogeny.planning.samplers import unfit_samplers
from ontogeny.planning.study import Config
from ontogeny.planning.suggestions import suggest


def impossible_clones(config: Config) -> Iterator[str]:
    """Yield what is wrong with corpora of `kind: clone`."""
    corpora, runs = config["corpora"], config["runs"]
    for name, corpus in corpora.items():
        if corpus["kind"] != SAMPLED:
            continue
        key, original = f"corpora.{name}", corpus["corpus"]
        if original not in corpora:
            known = suggest(original, list(corpora))
            yield f"{key}.corpus: there is no corpus {original!r}{known}"
        for problem in unfit_samplers("sampler", [corpus["sampler"]], runs, corpus["longest"]):
            yield f"{key}.{problem}"
        if corpus["shortest"] > corpus["longest"]:
            yield (
                f"{key}.shortest: is {corpus['shortest']}, more than longest, {corpus['longest']}; "
                "lower it."
            )
    yield from _circles(corpora, runs)


def _circles(corpora: Mapping[str, Any], runs: Mapping[str, Any]) -> Iterator[str]:
    """Yield each clone that is made, by way of whatever runs and corpora, from itself."""
    needs = {
        f"corpora.{name}": [f"corpora.{corpus['corpus']}", f"runs.{corpus['sampler']}"]
        for name, corpus in corpora.items()
        if corpus["kind"] == SAMPLED
    }
    clones = list(needs)
    for name, run in runs.items():
        if run["kind"] == "pretrain":
            needs[f"runs.{name}"] = [f"corpora.{corpus}" for corpus in names(run["corpus"])]
    while True:
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            way = error.args[1][:0:-1]  # each needs the next, the last the first
            clone = min(set(way) & set(clones), key=clones.index)
            place = way.index(clone)
            told = " needs ".join([*way[place:], *way[:place], clone])
            yield f"{clone}: is made from itself: {told}. Name another corpus or sampler."
            del needs[clone]
        else:
            return
