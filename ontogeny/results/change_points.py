"""Change points of a curve: a second opinion on its onset."""

import numpy as np
import ruptures

from ontogeny.results.milestones import log_step


def change_points(steps: np.ndarray, values: np.ndarray, count: int = 2) -> np.ndarray:
    """Return the steps at which a curve bends, by the best continuous piecewise linear fit.

    `values` has shape (steps,), the result (count,), rising; a bend may lie between two steps. The
    curve is laid on 60 even places of log step and segmented by dynamic programming (the package
    `ruptures`, Truong et al. 2020, cost `clinear`), with no fewer than three places to a segment.
    With two bends, a curve that is flat, rises and is flat again has its onset at the first. Raises
    `ValueError` with fewer than five steps, or if a value is NaN.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(steps) < 5 or np.isnan(values).any():
        raise ValueError("change points need a curve of at least five steps, none of them NaN")
    x = log_step(steps)
    grid = np.linspace(x[0], x[-1], 60)
    signal = np.interp(grid, x, values)[:, None]
    search = ruptures.Dynp(custom_cost=ruptures.costs.CostCLinear(), min_size=3, jump=1)
    ends = search.fit(signal).predict(n_bkps=count)[:-1]
    places = grid[ends]
    if steps[0] > 0:
        return np.exp(places)
    # A place left of the first positive step stands for a step between 0 and that one.
    share = (places - x[0]) / (x[1] - x[0])
    return np.where(share < 1, share * steps[1], np.exp(places))
