"""Whether the distances between checkpoints fit the order of their steps.

As a model trains, it moves away from where it was: a checkpoint that lies between two others in
time is nearer to each of them than they are to each other. That holds on a straight path, on a
random walk, and on all that lies between. A matrix of distances with that property is called
anti-Robinson; how far an order departs from it is a criterion of seriation (W. S. Robinson 1951,
"A method for chronologically ordering archaeological deposits"; C.-H. Chen 2002, "Generalized
association plots", Statistica Sinica 12; as a loss in Hahsler, Hornik and Buchta 2008, "Getting
things in order", Journal of Statistical Software 25(3), section 2).
"""

from dataclasses import dataclass

import numpy as np

# A move that is worth less than this isn't told. Two neighbours that were swapped stand out by the
# logarithm of 2 (a straight path) or of the square root of 2 (a random walk) on either side, that
# is, by 1.4 or 0.7; half of the latter, 0.35, is what a swap at the end of a random walk comes to.
# Six trajectories that we trained (learning rates from 0.002 to 0.01, constant or decaying to 0,
# weight decay up to 1) depart by 0.01 at most in their right order, and no move is worth anything;
# the swap of any two neighbours in them is worth 0.42 or more.
CLEAR = 0.25


@dataclass(frozen=True)
class Move:
    """A checkpoint that fits elsewhere: `item` belongs after `after`, or first if that is None.

    `gain` is by how much the departure from the anti-Robinson property falls, in units of the
    natural logarithm of a ratio of distances.
    """

    item: int
    after: int | None
    gain: float


def departure(distances: np.ndarray) -> float:
    """Return by how much an order departs from the anti-Robinson property.

    `distances` has shape `(items, items)`, in the order in question, and is positive off the
    diagonal. For each triple i < j < k the distances (i, j) and (j, k) ought not to exceed (i, k);
    the sum of the logarithms of the ratios by which they do is returned. Logarithms, since the
    distances of a trajectory span orders of magnitude.
    """
    logs = _logarithms(distances)
    return sum(
        float(np.maximum(logs[:j, j, None] - logs[:j, j + 1 :], 0).sum())
        + float(np.maximum(logs[None, j, j + 1 :] - logs[:j, j + 1 :], 0).sum())
        for j in range(1, len(logs) - 1)
    )


def misplaced(distances: np.ndarray, clear: float = CLEAR) -> list[Move]:
    """Return the items that fit clearly better elsewhere in the order, the clearest first.

    `distances` as for `departure`, in the order of steps. The single move that lowers the departure
    most is made and told, again and again, until none lowers it by more than `clear`. So of two
    items that were swapped one is told; a reversed order, which has the same departure, is not
    found.
    """
    order = list(range(len(distances)))
    moves: list[Move] = []
    while len(moves) < len(distances):
        moved = _best_move(distances[np.ix_(order, order)])
        if moved is None or moved[2] <= clear:
            break
        place, target, gain = moved
        item = order.pop(place)
        order.insert(target, item)
        if item in (move.item for move in moves):
            break
        moves.append(Move(item, order[target - 1] if target else None, gain))
    return moves


def _best_move(distances: np.ndarray) -> tuple[int, int, float] | None:
    """Return place, new place and gain of the single move that lowers the departure most."""
    best = None
    logs = _logarithms(distances)
    for place in range(len(logs)):
        others = np.delete(np.arange(len(logs)), place)
        losses = _losses_by_place(logs[place, others], logs[np.ix_(others, others)])
        gains = losses[place] - losses
        target = int(np.argmax(gains))
        # Of two neighbours that change places either may be said to have moved: the later one is.
        if best is None or gains[target] >= best[2] - 1e-9:
            best = (place, target, float(gains[target]))
    return best


def _losses_by_place(own: np.ndarray, between: np.ndarray) -> np.ndarray:
    """Return what an item adds to the departure at each place among the others; `(others + 1,)`.

    `own` are its log distances to the others, in their order, `between` those among the others.
    For each pair a < b of the others the item stands before both, between them, or after both.
    """
    count = len(own)
    to_a, to_b = own[:, None], own[None, :]
    pairs = np.triu(np.ones((count, count), dtype=bool), 1)

    def total(first: np.ndarray, second: np.ndarray, outer: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            loss = np.maximum(first - outer, 0) + np.maximum(second - outer, 0)
        return np.where(pairs, loss, 0.0)

    before = total(to_a, between, to_b).sum(axis=1)  # for each a
    after = total(between, to_b, to_a).sum(axis=0)  # for each b
    middle = total(to_a, to_b, between)
    losses = np.empty(count + 1)
    for place in range(count + 1):
        losses[place] = before[place:].sum() + after[:place].sum() + middle[:place, place:].sum()
    return losses


def _logarithms(distances: np.ndarray) -> np.ndarray:
    """Return the logarithms of the distances, with zeros on the diagonal, which none looks at."""
    return np.log(np.where(np.eye(len(distances), dtype=bool), 1.0, distances))
