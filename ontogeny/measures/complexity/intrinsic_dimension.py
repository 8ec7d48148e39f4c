"""The intrinsic dimension of representations, from each point's two nearest neighbours."""

import numpy as np
import torch
from torch import Tensor

CELLS_AT_ONCE = 2**24  # distances held at once: 128 MiB
CANDIDATES = 6  # neighbours whose distance is computed without cancellation
ROUNDING = 32  # of the length of a point, in units of its last place: how far copies may lie apart


def intrinsic_dimension(vectors: Tensor, discard: float = 0.1) -> np.ndarray:
    """Return the TwoNN estimate of the intrinsic dimension of each layer, (layers,) float64.

    `vectors` has shape (layers, points, width). The estimate (Facco et al. 2017) is the slope, of a
    line through the origin, of -log(1 - F(mu)) over log(mu), where mu is the ratio of the distances
    to a point's second and first nearest neighbour and F its empirical distribution; the share
    `discard` of the points, those with the largest ratios, is left out of the fit. Points that
    are there several times are taken once, since the distance to a copy says nothing; so are those
    that differ by rounding alone, as the vectors of the same word in two batches may.

    NaN for a layer with fewer than three different points, or in which all ratios are 1 (as on a
    lattice). Raises `ValueError` unless 0 <= discard < 1.
    """
    if not 0 <= discard < 1:
        raise ValueError(f"discard is {discard}; expected a share from 0 up to, not including, 1")
    return np.array([_dimension(layer, discard) for layer in vectors])


def neighbour_ratios(points: Tensor) -> np.ndarray:
    """Return the second neighbour's distance over the first's for each different point.

    `points` has shape (points, width); the result (different points,) float64, at least 1, empty
    where fewer than three points differ.
    """
    points = _different(points)
    if len(points) < 3:
        return np.empty(0)
    # Centred, since the quick distance loses as many digits as the mean exceeds the spread.
    points = points - points.mean(dim=0)
    squares = points.square().sum(dim=1)
    kept = min(CANDIDATES, len(points) - 1)
    ratios = []
    for rows in torch.arange(len(points), device=points.device).split(
        max(1, CELLS_AT_ONCE // len(points))
    ):
        quick = squares - 2 * points[rows] @ points.T  # squared distance less the row's own square
        quick[torch.arange(len(rows), device=rows.device), rows] = torch.inf
        near = quick.topk(kept, largest=False).indices
        # A few rows at a time: the differences have the points' width.
        parts = max(1, CELLS_AT_ONCE // (kept * points.shape[1]))
        for some, mine in zip(rows.split(parts), near.split(parts), strict=True):
            exact = (points[mine] - points[some][:, None]).norm(dim=-1).sort(dim=1).values
            ratios.append(exact[:, 1] / exact[:, 0])
    return torch.cat(ratios).cpu().numpy()


def _different(points: Tensor) -> Tensor:
    """Return points, (points, width), each once, as (different points, width) float64."""
    reach = ROUNDING * torch.finfo(points.dtype).eps
    points = torch.unique(points, dim=0).double()
    reaches = reach * points.norm(dim=1)
    # Copies lie close on any line, and on one that has nothing to do with the points others don't:
    # each is compared with those that come after it there, while there are any within reach.
    line = torch.arange(points.shape[1], device=points.device).double().cos()
    places, order = (points @ (line / line.norm())).sort()
    copy = torch.zeros(len(points), dtype=torch.bool, device=points.device)
    for further in range(1, len(points)):
        near = (places[further:] - places[:-further] <= reaches.max()).nonzero()[:, 0]
        if not len(near):
            break
        first, second = order[near], order[near + further]
        same = (points[first] - points[second]).norm(dim=1) <= reaches[second]
        copy[second[same]] = True
    return points[~copy]


def _dimension(points: Tensor, discard: float) -> float:
    ratios = np.sort(neighbour_ratios(points))
    kept = int(np.floor(len(ratios) * (1 - discard)))
    # The largest has F = 1, whose logarithm is infinite: it never takes part.
    kept = min(kept, len(ratios) - 1)
    if kept < 1:
        return float("nan")
    x = np.log(ratios[:kept])
    y = -np.log1p(-np.arange(1, kept + 1) / len(ratios))
    square = float(x @ x)
    return float(x @ y) / square if square > 0 else float("nan")
