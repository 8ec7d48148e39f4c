"""The grid of a sweep: its conditions, its members, and the jobs that train them."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ontogeny.errors import ConfigError
from ontogeny.runs.schedules import steps
from ontogeny.studies.strategies.protocol import held_out_tokens

GRID_KEYS = ("alpha", "vocabulary", "ambiguity", "forgetting")
SUBSETS = ("validation", "tail", "switch", "tail_switch", "unseen", "fresh")  # evaluation sets
PROBED = ("validation", "tail", "unseen")  # those that probes are trained and tested on
FORGETTING = ("none", "active", "temporary")
# The key that says after how many updates models forget, for each way to.
FORGET_KEYS = {"active": "forget_every", "temporary": "temporary_every"}
TAIL_SHARE = 10  # the tail is the rarest tenth of a class
LEAST_TAIL = 2  # one type to train a probe on, one to test it on
LEAST_HELD_OUT = 4  # two of them in a sequence, half of the types for probes to be trained on

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Member:
    """One model of a sweep: a condition of the grid, and a seed.

    `alpha` is the exponent of Zipf's law, 0 for the uniform one; `vocabulary` the number of content
    tokens; `ambiguity` a share; `forgetting` one of `FORGETTING`.
    """

    alpha: float
    vocabulary: int
    ambiguity: float
    forgetting: str
    seed: int

    def keys(self) -> dict[str, Any]:
        """Return the key columns of the member's rows in the study's tables."""
        distribution = "uniform" if self.alpha == 0 else "zipf"
        return {"distribution": distribution, **asdict(self)}

    def __str__(self) -> str:
        """Return the member's name in messages."""
        return ", ".join(f"{key} {value}" for key, value in asdict(self).items())


def types_of_class(vocabulary: int) -> int:
    """Return how many nouns, and how many adjectives, a vocabulary of content tokens has.

    Raises `ConfigError` if it can't be halved, or if the rarest tenth of a half, rounded down,
    has fewer than two types.
    """
    if vocabulary % 2:
        raise ConfigError(
            f"vocabulary: is {vocabulary}, an odd number; half of the tokens are nouns and half "
            "adjectives, so an even number is expected."
        )
    types = vocabulary // 2
    if types // TAIL_SHARE < LEAST_TAIL:
        raise ConfigError(
            f"vocabulary: is {vocabulary}, which leaves {types // TAIL_SHARE} types in the tail "
            f"(the rarest tenth) of a class of {types}; expected at least "
            f"{2 * LEAST_TAIL * TAIL_SHARE} tokens, for a tail of {LEAST_TAIL}."
        )
    return types


def tail_types(types: int) -> int:
    """Return how many types of a class belong to its tail: the rarest tenth, rounded down."""
    return types // TAIL_SHARE


def members(settings: Settings) -> list[Member]:
    """Return the members of a study's sweep: the product of the grid's lists, less what's excluded.

    `settings` has the keys `grid` (a list for each of `GRID_KEYS`), `exclude` (mappings from keys
    of the grid to a value or a list of them: conditions that agree with all keys of one of them are
    left out) and `seeds`. Vocabularies come in ascending order, since members of a job share one;
    the seeds of a condition follow one another.
    """
    grid = settings["grid"]
    vocabularies = sorted(grid["vocabulary"])
    product = itertools.product(
        vocabularies, grid["alpha"], grid["ambiguity"], grid["forgetting"], settings["seeds"]
    )
    every = [
        Member(float(alpha), vocabulary, float(ambiguity), forgetting, seed)
        for vocabulary, alpha, ambiguity, forgetting, seed in product
    ]
    return [
        member
        for member in every
        if not any(_agrees(member, exclusion) for exclusion in settings["exclude"])
    ]


def _agrees(member: Member, exclusion: Mapping[str, Any]) -> bool:
    values = asdict(member)
    return bool(exclusion) and all(values[key] in _list(ask) for key, ask in exclusion.items())


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def jobs(settings: Settings) -> list[list[Member]]:
    """Return the members of each job: at most `runs_per_job` of them, all of one vocabulary."""
    size = settings["runs_per_job"]
    parts = []
    for _, same in itertools.groupby(members(settings), key=lambda member: member.vocabulary):
        alike = list(same)
        parts += [alike[first : first + size] for first in range(0, len(alike), size)]
    return parts


def contradictions(settings: Settings) -> Iterator[str]:
    """Yield what in a study's settings can't be, each with its key, after the schema's checks."""
    try:
        evaluated = steps(settings["steps"])
    except ConfigError as error:
        yield str(error)
        return
    for vocabulary in settings["grid"]["vocabulary"]:
        try:
            types_of_class(vocabulary)
        except ConfigError as error:
            yield f"grid.{error}"
            continue
        if (held_out := held_out_tokens(settings, vocabulary)) < LEAST_HELD_OUT:
            yield (
                f"held_out: is {settings['held_out']}, {held_out} tokens with vocabulary "
                f"{vocabulary}; expected {LEAST_HELD_OUT} or more, or a larger share."
            )
    for alpha in settings["grid"]["alpha"]:
        if not (math.isfinite(alpha) and alpha >= 0):
            yield f"grid.alpha: is {alpha}; expected 0 (uniform) or a positive exponent."
    for share in settings["grid"]["ambiguity"]:
        if not 0 <= share <= 1:
            yield f"grid.ambiguity: is {share}; expected a share from 0 to 1."
    for place, exclusion in enumerate(settings["exclude"]):
        if not exclusion:
            yield f"exclude.{place}: is empty; expected keys of the grid with what to leave out."
        for key, asked in exclusion.items():
            if absent := [value for value in _list(asked) if value not in settings["grid"][key]]:
                yield (
                    f"exclude.{place}.{key}: {absent[0]!r} is not in the grid, which has "
                    f"{', '.join(map(str, settings['grid'][key]))}."
                )
    if not members(settings):
        yield (
            "exclude: leaves no condition of the grid; take out an exclusion, or widen the grid."
        )
    if settings["width"] % settings["heads"]:
        yield f"width: is {settings['width']}; expected a multiple of heads ({settings['heads']})."
    if set(settings["grid"]["forgetting"]) != {"none"}:
        yield from _forgetting_contradictions(settings, evaluated[-1])


def _forgetting_contradictions(settings: Settings, last: int) -> Iterator[str]:
    until = settings["forget_until"]
    for forgetting, key in FORGET_KEYS.items():
        every = settings[key]
        if forgetting not in settings["grid"]["forgetting"]:
            continue
        if every >= last:
            yield (
                f"{key}: is {every}, so nothing would be forgotten in {last} updates; expected "
                "fewer."
            )
        if forgetting == "temporary" and until < every:
            yield (
                f"forget_until: is {until}, before the first forgetting at {every}; expected more."
            )
