"""Synthetic corpora of a rule at a distance: alpha, a scaffold of k tokens, omega.

"Training dynamics of neural language models" (Saphra 2021), chapter 5, section 4: tokens drawn
uniformly from a vocabulary, and inserted in them n occurrences of the rule, alpha q omega, of which
q is the scaffold. A corpus is made of blocks (an occurrence of the rule; a phrase by itself; a
single token) in random order, so that it has exactly the counts that were asked for, and nothing is
cut. It is laid out in streams, which a model reads side by side; no block lies across two of them.

Settings differ in what the scaffolds are, and whether they are met elsewhere:

- `unfamiliar`: each occurrence has a scaffold of its own, drawn token by token (published);
- `familiar`: the scaffolds are phrases, each in as many occurrences of the rule as the others, and
  each many times outside it as well (published);
- `repeated`: the same phrases in the rule, none outside it: what repeating a scaffold does by
  itself;
- `elsewhere`: phrases outside the rule as in `familiar`, and scaffolds as in `unfamiliar`: what a
  corpus of phrases does by itself.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ontogeny.errors import ConfigError

SETTINGS = ("unfamiliar", "familiar", "repeated", "elsewhere")


@dataclass(frozen=True)
class RuleCorpus:
    """What a corpus is made of.

    `tokens` in all, in so many `streams` of equal length; `types` ordinary ones, numbered from 0;
    `occurrences` of the rule with a scaffold of `length` tokens; `phrases` of that length, each
    `outside` times outside the rule, where the setting has them.
    """

    setting: str
    tokens: int
    streams: int
    types: int
    occurrences: int
    length: int
    phrases: int
    outside: int

    @property
    def opening(self) -> int:
        """The token alpha."""
        return self.types

    @property
    def closing(self) -> int:
        """The token omega."""
        return self.types + 1

    @property
    def vocabulary(self) -> int:
        """How many tokens there are, alpha and omega among them."""
        return self.types + 2

    @property
    def repeats(self) -> bool:
        """Whether scaffolds are phrases that come again in the rule."""
        return self.setting in ("familiar", "repeated")

    @property
    def phrases_outside(self) -> bool:
        """Whether phrases stand outside the rule."""
        return self.setting in ("familiar", "elsewhere")

    def check(self) -> None:
        """Raise `ConfigError` if there is no such corpus: a scaffold can't be placed."""
        in_rule = self.occurrences * (self.length + 2)
        outside = self.phrases * self.outside * self.length if self.phrases_outside else 0
        if in_rule + outside > self.tokens:
            raise ConfigError(
                f"tokens: is {self.tokens}, and scaffolds of {self.length} can't be placed in the "
                f"{self.setting} setting: the rule takes {in_rule} tokens, phrases outside it "
                f"{outside}. Ask for more tokens, or for fewer occurrences."
            )
        if self.tokens % self.streams:
            raise ConfigError(
                f"tokens: is {self.tokens}; expected a multiple of batch_size ({self.streams}), "
                "which read it side by side."
            )
        if self.repeats and self.occurrences % self.phrases:
            raise ConfigError(
                f"phrases: is {self.phrases}; expected a divisor of the occurrences of the rule "
                f"({self.occurrences}), so that each phrase is in as many."
            )
        if self.phrases > self.types**self.length:
            raise ConfigError(
                f"phrases: is {self.phrases}, but {self.types} types make only "
                f"{self.types**self.length} phrases of {self.length}; ask for fewer."
            )


class Generated(NamedTuple):
    """A corpus, tokens (streams, tokens of a stream), and what its rule's scaffolds are.

    `scaffolds` (scaffolds, length) has each phrase once, or where they don't repeat each
    occurrence's own. `phrases` (phrases, length) are those of the corpus, in the rule or not.
    """

    tokens: np.ndarray
    scaffolds: np.ndarray
    phrases: np.ndarray


def generate(corpus: RuleCorpus, generator: np.random.Generator) -> Generated:
    """Generate a corpus.

    Raises `ConfigError` as `RuleCorpus.check` does, and if too few single tokens are left to fill
    the ends of the streams, so that a scaffold would be cut.
    """
    corpus.check()
    phrases = _phrases(corpus, generator)
    own = generator.integers(corpus.types, size=(corpus.occurrences, corpus.length))
    scaffolds = phrases if corpus.repeats else own
    in_rule = np.resize(scaffolds, (corpus.occurrences, corpus.length))
    ends = np.tile([corpus.opening, corpus.closing], (corpus.occurrences, 1))
    rules = np.concatenate([ends[:, :1], in_rule, ends[:, 1:]], 1)
    outside = np.repeat(phrases, corpus.outside if corpus.phrases_outside else 0, axis=0)
    left = corpus.tokens - rules.size - outside.size
    singles = generator.integers(corpus.types, size=left)
    content = np.concatenate([rules.ravel(), outside.ravel(), singles])
    lengths = np.repeat(
        [corpus.length + 2, corpus.length, 1], [len(rules), len(outside), len(singles)]
    )
    starts = np.cumsum(lengths) - lengths
    order = _arranged(lengths, generator.permutation(len(lengths)), corpus)
    placed = lengths[order]
    index = np.repeat(starts[order] - (np.cumsum(placed) - placed), placed)
    tokens = content[index + np.arange(corpus.tokens)]
    return Generated(tokens.reshape(corpus.streams, -1), scaffolds, phrases)


def scaffolds_to_test(
    corpus: RuleCorpus, generated: Generated, count: int, generator: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return scaffolds (count, length) to test the rule with, for each domain.

    `in`: those of the corpus's rule, drawn without repetition as long as there are any left; `out`:
    drawn token by token, as nothing in the corpus is.
    """
    known = len(generated.scaffolds)
    rounds = [generator.permutation(known) for _ in range(-(-count // known))]
    return {
        "in": generated.scaffolds[np.concatenate(rounds)[:count]],
        "out": generator.integers(corpus.types, size=(count, corpus.length)),
    }


def _phrases(corpus: RuleCorpus, generator: np.random.Generator) -> np.ndarray:
    """Draw phrases (phrases, length), no two alike."""
    found: dict[tuple[int, ...], None] = {}
    while len(found) < corpus.phrases:
        found[tuple(generator.integers(corpus.types, size=corpus.length).tolist())] = None
    return np.array(list(found), dtype=np.int64)


def _arranged(lengths: np.ndarray, order: np.ndarray, corpus: RuleCorpus) -> np.ndarray:
    """Return the order of the blocks in which none lies across the end of a stream.

    Where one would, the single tokens that come next are put before it.
    """
    long, first = corpus.tokens // corpus.streams, 0
    for _ in range(corpus.streams):
        reached = np.cumsum(lengths[order[first:]])
        whole = int(np.searchsorted(reached, long, side="right"))
        lacking = long - (int(reached[whole - 1]) if whole else 0)
        after = order[first + whole :]
        singles = np.flatnonzero(lengths[after] == 1)[:lacking]
        if len(singles) < lacking:
            raise ConfigError(
                f"tokens: is {corpus.tokens}, of which too few are outside the rule and phrases to "
                f"fill the ends of {corpus.streams} streams, so a scaffold of {corpus.length} "
                f"can't be placed in the {corpus.setting} setting. Ask for more tokens."
            )
        order = np.concatenate([order[: first + whole], after[singles], np.delete(after, singles)])
        first += whole + lacking
    return order
