"""The laws that tokens are drawn from: uniform or Zipf within a class, and which are ambiguous.

A class has `types` types, ranked from the most to the least frequent; ranks start at 0 here.
"""

import math

import torch
from torch import Tensor

from ontogeny.errors import ConfigError

AMBIGUOUS_SWITCH = 0.5  # how often an ambiguous type is used in the other role


def rank_probabilities(types: int, alpha: float, zipf: str = "exact") -> Tensor:
    """Return the probability of each rank, shape (types,), float64, on the CPU.

    With `zipf` "exact" p(r) is proportional to (r + 1) ** -alpha: Zipf's law, truncated exactly,
    that is, normalised over the types of the class. "shifted" is the law of the authors' released
    code, which draws from Zipf's law over 1, 2, ... until the number is that of a type, but counts
    types from 0: p(r) is proportional to r ** -alpha, and the first type never occurs, unless it is
    the only one. Alpha 0 is the uniform law in both cases. Raises `ConfigError` if alpha is
    negative or not finite.
    """
    if not (math.isfinite(alpha) and alpha >= 0):
        raise ConfigError(
            f"alpha: is {alpha}; expected 0 (uniform) or a positive exponent of Zipf's law."
        )
    shifted = zipf == "shifted" and alpha > 0 and types > 1
    weights = torch.arange(1, types + 1, dtype=torch.float64) ** -alpha
    if shifted:
        weights = torch.cat([weights.new_zeros(1), weights[:-1]])
    return weights / weights.sum()


def ambiguous_ranks(types: int, share: float, generator: torch.Generator) -> Tensor:
    """Return which ranks are ambiguous, shape (types,), bool: a share of them, evenly spread.

    There are n = round(share * types) of them, one at least if the share isn't 0. The ranks are
    cut into n bins as equal as can be, and one rank is drawn from each. The same ranks are
    ambiguous in both classes, so that the two stay equally frequent in either role. Raises
    `ConfigError` if the share isn't one.
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"ambiguity: is {share}; expected a share from 0 to 1.")
    count = max(1, round(share * types)) if share > 0 else 0
    chosen = torch.zeros(types, dtype=torch.bool)
    if count:
        edges = torch.arange(count + 1) * types // count
        places = torch.rand(count, generator=generator, dtype=torch.float64)
        chosen[edges[:-1] + (places * edges.diff()).long()] = True
    return chosen


def switch_probabilities(
    types: int, ambiguity: float, switching: str, generator: torch.Generator
) -> Tensor:
    """Return how often each rank is used in the other role, shape (types,), float64.

    `switching` "types" and "redrawn": one half for the ambiguous ranks, a share `ambiguity` of all,
    and never for the others. "draws": every draw switches with probability `ambiguity`, whatever
    its rank.
    """
    ambiguous = ambiguous_ranks(types, ambiguity, generator)
    if switching == "draws":
        return torch.full((types,), ambiguity, dtype=torch.float64)
    return ambiguous.double() * AMBIGUOUS_SWITCH


def redrawn_probabilities(switch: Tensor, alpha: float, zipf: str) -> Tensor:
    """Return the law of the ranks that take the place of ambiguous ones; (types,), float64.

    `switch` (types,) is that of `switch_probabilities`. The ambiguous ranks follow the law of a
    class that has no others, in their order; without any, all is 0.
    """
    ambiguous, law = switch > 0, torch.zeros_like(switch)
    if ambiguous.any():
        law[ambiguous] = rank_probabilities(int(ambiguous.sum()), alpha, zipf)
    return law


def halves_of_types(types: int, generator: torch.Generator) -> Tensor:
    """Return which ranks a probe is trained on, shape (types,), bool; the others are new to it.

    Of each two neighbours in frequency, counted from the rarest, one is drawn for training, so
    that both halves are alike in frequency, in the tail as elsewhere. If the number of types is
    odd, the most frequent one, which has no partner, is for training.
    """
    pairs = types // 2
    first = torch.rand(pairs, generator=generator, dtype=torch.float64) < 0.5
    halves = torch.stack([first, ~first], dim=1).flatten()
    return torch.cat([halves.new_ones(types % 2), halves])


def cumulative(probabilities: Tensor) -> Tensor:
    """Return cumulative probabilities along the last dimension that end at exactly 1 or beyond.

    What follows the last possible rank is infinite, so rounding never lets a rank of probability
    0 be drawn.
    """
    sums = (probabilities / probabilities.sum(-1, keepdim=True)).cumsum(-1)
    possible = (probabilities > 0).flip(-1).cummax(-1).values.flip(-1)  # ranks up to the last one
    is_last = possible & ~torch.cat([possible[..., 1:], torch.zeros_like(possible[..., :1])], -1)
    return torch.where(possible & ~is_last, sums, torch.inf)


def draw_ranks(cumulated: Tensor, numbers: Tensor) -> Tensor:
    """Return the ranks that uniform numbers from [0, 1) stand for, by inversion.

    `cumulated` (members, types) as `cumulative` gives it, `numbers` (members, draws); the result
    has the latter's shape. A rank of probability 0 in the middle is never drawn either, since the
    search stops at the first rank whose sum exceeds the number.
    """
    return torch.searchsorted(cumulated, numbers, right=True)
