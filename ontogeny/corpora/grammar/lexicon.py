"""The open classes of toyglish: invented words, their inflection, frequency and ambiguity."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ontogeny.corpora.grammar import function_words
from ontogeny.corpora.grammar.settings import check_lexicon
from ontogeny.errors import ConfigError

VERB_FRAMES = {"intransitive": 0.27, "transitive": 0.45, "ditransitive": 0.12, "clausal": 0.16}
# Share of the word types that each class of names, and the adverbs, take.
SHARE_OF_TYPES = {
    "adverb": 0.04,
    "masculine": 0.02,
    "feminine": 0.02,
    "surname": 0.04,
    "place": 0.03,
    "organisation": 0.02,
}
CLASSES = ("noun", *VERB_FRAMES, "adjective", *SHARE_OF_TYPES)

# Nouns are as many as verbs and adjectives together, so that the share of ambiguous stems can be
# anything from 0 (three disjoint classes) to 1 (every noun is also a verb or an adjective).
_VERBS, _ADJECTIVES = 3, 5

# No stem ends in s, d, g or y, so no inflected form of one stem can be another stem.
_ONSETS = ("b", "bl", "br", "d", "dr", "f", "fl", "fr", "h", "k", "kl", "kr", "l", "m", "n", "p",
           "pl", "pr", "r", "s", "sk", "sl", "sp", "st", "t", "tr", "v", "w", "z")  # fmt: skip
_VOWELS = ("a", "e", "i", "o", "u")
_CODAS = ("n", "l", "r", "m", "t", "k", "p", "b")


class Noun(NamedTuple):
    """A common noun. Animate nouns take the relative pronoun "who", the others "which"."""

    singular: str
    plural: str
    animate: bool


class Verb(NamedTuple):
    """A verb; the past form is also the past participle, and the base the plural present."""

    base: str
    third: str
    past: str
    gerund: str


Entry = Noun | Verb | str


@dataclass(frozen=True)
class Lexicon:
    """Open-class entries by class, most frequent first, with Zipfian weights.

    `classes` has a key for each of `CLASSES`; the verbs are divided by frame. `weights` has the
    probability of each entry within its class, proportional to rank to the minus exponent.
    `ambiguous` are the stems that stand both among the nouns and among the verbs or adjectives.
    `forms` are all word types: inflected forms, names, function words and punctuation.
    """

    classes: dict[str, tuple[Entry, ...]]
    weights: dict[str, tuple[float, ...]]
    ambiguous: frozenset[str]
    forms: frozenset[str]


def build_lexicon(
    *,
    seed: int = 0,
    word_types: int = 2000,
    zipf_exponent: float = 1.0,
    ambiguous_share: float = 0.1,
) -> Lexicon:
    """Invent a lexicon of exactly `word_types` word forms, function words included.

    `ambiguous_share` is the share of the distinct noun, verb and adjective stems that stand in
    two of these classes: noun and verb, or noun and adjective, in proportion to the classes'
    sizes. Ambiguous stems lie at evenly spaced ranks of each class, and stems of like rank are
    matched, so that both readings of a form occur, and the share among words is much like the
    share among types. Raises `ConfigError`, naming the key, if a setting is out of its range.
    """
    check_lexicon(seed, word_types, zipf_exponent, ambiguous_share)
    rng = random.Random(f"{seed}/lexicon")
    stems = _stems(rng)
    sizes = _sizes(word_types, ambiguous_share)
    nouns, verbs, adjectives, ambiguous = _ambiguous_classes(rng, stems, sizes, ambiguous_share)
    classes: dict[str, tuple[Entry, ...]] = {
        "noun": tuple(_noun(stem, rng.random() < 0.5) for stem in nouns),
        **{frame: tuple(map(_verb, verbs[frame])) for frame in VERB_FRAMES},
        "adjective": tuple(adjectives),
        "adverb": tuple(next(stems) + "ly" for _ in range(sizes["adverb"])),
    }
    for kind in ("masculine", "feminine", "surname", "place", "organisation"):
        classes[kind] = tuple(next(stems).capitalize() for _ in range(sizes[kind]))
    weights = {name: _zipf(len(entries), zipf_exponent) for name, entries in classes.items()}
    return Lexicon(classes, weights, frozenset(ambiguous), _forms(classes))


def _sizes(word_types: int, ambiguous_share: float) -> dict[str, int]:
    """Number of entries of each class such that the distinct forms are `word_types` in all."""
    room = word_types - len(function_words.FORMS)
    sizes = {name: max(4, round(share * room)) for name, share in SHARE_OF_TYPES.items()}
    room -= sum(sizes.values())

    def forms(verbs: int, adjectives: int) -> int:
        by_verb, by_adjective = _ambiguous_counts(verbs, adjectives, ambiguous_share)
        # A noun has 2 forms, a verb 4, an adjective 1; a noun that is a verb shares both of its.
        return 2 * (verbs + adjectives) + 4 * verbs + adjectives - 2 * by_verb - by_adjective

    verbs = 1
    while forms(verbs + 1, _adjectives(verbs + 1)) <= room:
        verbs += 1
    sizes["verb"], sizes["adjective"] = verbs, _adjectives(verbs)
    sizes["noun"] = sizes["verb"] + sizes["adjective"]
    sizes["surname"] += room - forms(verbs, sizes["adjective"])
    return sizes


def _adjectives(verbs: int) -> int:
    return verbs * _ADJECTIVES // _VERBS


def _ambiguous_counts(verbs: int, adjectives: int, share: float) -> tuple[int, int]:
    """How many verbs, and how many adjectives, are also nouns.

    With n nouns, v verbs, a adjectives, of which k stems count twice, n + v + a - k stems are
    distinct, and k is to be the given share of them.
    """
    count = round(share * 2 * (verbs + adjectives) / (1 + share))
    by_verb = round(count * verbs / (verbs + adjectives))
    return by_verb, count - by_verb


def _ambiguous_classes(
    rng: random.Random, stems: Iterator[str], sizes: dict[str, int], share: float
) -> tuple[list[str], dict[str, list[str]], list[str], list[str]]:
    """Draw the stems of nouns, of verbs by frame, of adjectives, and those in two classes."""
    by_verb, by_adjective = _ambiguous_counts(sizes["verb"], sizes["adjective"], share)
    nouns = [next(stems) for _ in range(sizes["noun"])]
    verbs = [next(stems) for _ in range(sizes["verb"])]
    adjectives = [next(stems) for _ in range(sizes["adjective"])]
    ranks = _spread(rng, by_verb + by_adjective, len(nouns))
    to_verb = set(_spread(rng, by_verb, len(ranks)))
    noun_ranks = {
        True: [rank for k, rank in enumerate(ranks) if k in to_verb],
        False: [rank for k, rank in enumerate(ranks) if k not in to_verb],
    }
    for others, is_verb, count in ((verbs, True, by_verb), (adjectives, False, by_adjective)):
        for noun, other in zip(noun_ranks[is_verb], _spread(rng, count, len(others)), strict=True):
            others[other] = nouns[noun]
    return nouns, _by_frame(verbs), adjectives, [nouns[rank] for rank in ranks]


def _by_frame(verbs: list[str]) -> dict[str, list[str]]:
    """Deal verbs out to the frames in proportion to their shares, keeping the order of rank."""
    frames: dict[str, list[str]] = {frame: [] for frame in VERB_FRAMES}
    for stem in verbs:
        # The frame that is furthest behind its share gets the next one.
        behind = min(VERB_FRAMES, key=lambda frame: (len(frames[frame]) + 1) / VERB_FRAMES[frame])
        frames[behind].append(stem)
    return frames


def _spread(rng: random.Random, count: int, total: int) -> list[int]:
    """`count` distinct positions below `total`, evenly spaced from a random offset."""
    offset = rng.random()
    return [int((k + offset) * total / count) for k in range(count)]


def _stems(rng: random.Random) -> Iterator[str]:
    """Endless distinct pronounceable stems of two or three syllables, none a function word."""
    taken = {form.lower() for form in function_words.FORMS}
    while True:
        syllables = rng.choices((2, 3), (3, 1))[0]
        for _ in range(1000):
            stem = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(syllables))
            stem += rng.choice(_CODAS)
            if not any(stem + suffix in taken for suffix in ("", "s", "ed", "ing", "ly")):
                taken.add(stem)
                yield stem
                break
        else:
            raise ConfigError(
                "word_types: no more pronounceable words of three syllables are left; lower it."
            )


def _noun(stem: str, animate: bool) -> Noun:
    return Noun(stem, stem + "s", animate)


def _verb(stem: str) -> Verb:
    return Verb(stem, stem + "s", stem + "ed", stem + "ing")


def _zipf(count: int, exponent: float) -> tuple[float, ...]:
    """Probabilities of ranks 1 to `count`, proportional to rank to the minus exponent."""
    weights = [rank**-exponent for rank in range(1, count + 1)]
    total = sum(weights)
    return tuple(weight / total for weight in weights)


def _forms(classes: dict[str, tuple[Entry, ...]]) -> frozenset[str]:
    forms = set(function_words.FORMS)
    for entries in classes.values():
        for entry in entries:
            forms.update(inflected(entry))
    return frozenset(forms)


def inflected(entry: Entry) -> Sequence[str]:
    """Return the distinct forms of an entry."""
    if isinstance(entry, Noun):
        return (entry.singular, entry.plural)
    return entry if isinstance(entry, Verb) else (entry,)
