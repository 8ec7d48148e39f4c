"""The synthetic LSTMs: their settings, the members of the sweep, and what can't be."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ontogeny.corpora.scaffolds import RuleCorpus
from ontogeny.errors import ConfigError
from ontogeny.runs.schedules import steps

RUN = "synthetic rule"  # stands where other rows have the name of a run
DOMAINS = ("in", "out")

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Member:
    """One LSTM: what its corpus is like, and a seed.

    `setting` is one of `ontogeny.corpora.scaffolds.SETTINGS`, `scaffold_length` is k, `rule_count`
    n, how often the rule occurs.
    """

    setting: str
    scaffold_length: int
    rule_count: int
    seed: int

    def keys(self) -> dict[str, Any]:
        """Return the key columns of the member's rows."""
        return asdict(self)

    def corpus(self, settings: Settings) -> RuleCorpus:
        """Return what its corpus is made of, by the settings `synthetic`."""
        return RuleCorpus(
            setting=self.setting,
            tokens=settings["tokens"],
            streams=settings["batch_size"],
            types=settings["types"],
            occurrences=self.rule_count,
            length=self.scaffold_length,
            phrases=settings["phrases"],
            outside=settings["outside"],
        )

    def __str__(self) -> str:
        """Return the member's name in messages."""
        return ", ".join(f"{key} {value}" for key, value in asdict(self).items())


def members(settings: Settings) -> list[Member]:
    """Return the members of the sweep: settings, lengths and seeds, then the other rule counts.

    The rule's frequency is varied where scaffolds are unfamiliar, as published (appendix B).
    """
    own, product = settings["rule_count"], itertools.product
    main = product(settings["settings"], settings["scaffold_lengths"], [own], settings["seeds"])
    others = [count for count in settings["rule_counts"] if count != own]
    rarer = product(["unfamiliar"], settings["scaffold_lengths"], others, settings["seeds"])
    return [Member(*values) for values in itertools.chain(main, rarer)]


def jobs(settings: Settings) -> list[list[Member]]:
    """Return the members of each job, at most `runs_per_job` of them."""
    every, size = members(settings), settings["runs_per_job"]
    return [every[first : first + size] for first in range(0, len(every), size)]


def contradictions(settings: Settings) -> Iterator[str]:
    """Yield what in the settings `synthetic` can't be, each with its key."""
    try:
        steps(settings["steps"], key="steps")
    except ConfigError as error:
        yield str(error)
    seen = set()
    for member in members(settings):
        try:
            member.corpus(settings).check()
        except ConfigError as error:
            if str(error) not in seen:
                seen.add(str(error))
                yield str(error)
    if settings["sequence_length"] >= settings["tokens"] // settings["batch_size"]:
        yield (
            f"sequence_length: is {settings['sequence_length']}; expected fewer than the "
            f"{settings['tokens'] // settings['batch_size']} tokens of a stream."
        )
