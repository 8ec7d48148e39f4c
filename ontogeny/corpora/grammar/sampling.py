"""Drawing from weighted lists, fast."""

import itertools
import random
from bisect import bisect
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from ontogeny.corpora.grammar.lexicon import Entry, Lexicon

Item = TypeVar("Item", bound=Hashable)


class Choice(Generic[Item]):
    """Items with cumulative weights, to be drawn with a random number from 0 to 1."""

    def __init__(self, items: Iterable[Item], weights: Iterable[float]) -> None:
        """Take items with weights of at least 0, of which one is positive."""
        self.items = list(items)
        cumulative = list(itertools.accumulate(weights))
        # The last bound is left out, so that rounding can never point past the last item.
        self.bounds = [bound / cumulative[-1] for bound in cumulative[:-1]]

    @classmethod
    def of(cls, table: Mapping[Item, float] | Sequence[tuple[Item, float]]) -> "Choice[Item]":
        """Build from a mapping of items to weights or from pairs of them."""
        pairs = list(table.items() if isinstance(table, Mapping) else table)
        return cls([item for item, _ in pairs], [weight for _, weight in pairs])

    def at(self, uniform: float) -> Item:
        """Return the item at which the cumulative weights pass `uniform`, in [0, 1)."""
        return self.items[bisect(self.bounds, uniform)]


def entry_choices(
    lexicon: Lexicon, weights: Mapping[str, Sequence[float]]
) -> dict[str, Choice[Entry]]:
    """Return a choice among each class's entries, with these weights."""
    return {name: Choice(lexicon.classes[name], weights[name]) for name in lexicon.classes}


class Source:
    """Where a derivation takes its chances and its words from.

    `random()` is uniform in [0, 1); `entry(name)` draws from an open class, with the weights of
    the document's topic; `pick(choice)` from any other table.
    """

    def __init__(self, rng: random.Random, entries: Mapping[str, Choice[Entry]]) -> None:
        """Take the stream of chances and a choice for each open class."""
        self.random = rng.random
        self.entries = entries

    def entry(self, name: str) -> Entry:
        """Draw an entry of an open class."""
        return self.entries[name].at(self.random())

    def pick(self, choice: Choice[Item]) -> Item:
        """Draw an item."""
        return choice.at(self.random())
