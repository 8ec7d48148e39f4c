"""Onsets of curves that rise once, by the logistic curve that fits each best."""

import numpy as np

from ontogeny.results.milestones import bootstrap_interval, log_step

# A logistic curve of width w around c accelerates most at c - w * log(2 + sqrt(3)).
FASTEST = np.log(2 + np.sqrt(3))

CENTRES, WIDTHS = 96, 16  # of the first grid of curves
ROUNDS = 12  # of halving it around the best
CELLS = 2**22  # of arrays at once: 32 MiB of float64


def onset(steps: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the step at which a rising curve accelerates most in log step; shape (...).

    `values` has shape (..., steps): one curve, or one for each bootstrap draw. The logistic curve
    in log step that is nearest to each (least squares; a step counts as much as the stretch of the
    axis that it stands for) is flat, rises and is flat again, and accelerates most at its centre
    less 1.317 of its widths: that is the onset, which may lie between two steps. A smoothed
    curve would accelerate earlier the sharper it is, and a sharp rise would seem to come before a
    wide one that begins with it.

    NaN where a curve has no onset: one that has a NaN, is constant, doesn't rise, ends above where
    it began by less than twice the error that such a difference has by the scatter around the
    fitted curve, was already rising at the first step, or hasn't come to half of its rise by the
    last. Raises `ValueError` with fewer than five steps. (Chen et al. 2024, section 3, name the
    greatest acceleration as the onset of structure, and of capability.)
    """
    values = np.asarray(values, dtype=np.float64)
    if len(steps) < 5 or values.shape[-1] != len(steps):
        raise ValueError(
            f"a curve has {values.shape[-1]} values at {len(steps)} steps; expected as many values "
            "as steps, and at least 5"
        )
    curves = values.reshape(-1, len(steps))
    found = np.full(len(curves), np.nan)
    whole = np.isfinite(curves).all(axis=1)
    block = max(1, CELLS // (9 * len(steps)))
    for rows in np.split(np.flatnonzero(whole), range(block, int(whole.sum()), block)):
        found[rows] = _onsets(log_step(steps), curves[rows])
    # What stands to the left of the first positive step is a step between 0 and that one.
    places = np.interp(found, log_step(steps), np.asarray(steps, dtype=np.float64))
    first = log_step(steps)[1 if steps[0] == 0 else 0]
    return np.where(found < first, places, np.exp(found)).reshape(values.shape[:-1])


def rise(rows: np.ndarray) -> tuple[float, float, float]:
    """Return how far a curve ends above where it began, and the 95% interval of that.

    `rows` has shape (1 + draws, steps): the curve as measured, then as it comes out when seeds and
    what was measured are redrawn. A curve rises by more than its noise if the interval lies above
    0.
    """
    difference = rows[:, -1] - rows[:, 0]
    low, high = bootstrap_interval(difference)
    return float(difference[0]), float(low), float(high)


def onset_of_rise(steps: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the onset of a curve as measured and in each draw, (1 + draws, steps) to (1 + draws,).

    All NaN if the curve doesn't rise by more than its noise (`rise`): it has a place of greatest
    acceleration too, which means nothing.
    """
    if not rise(rows)[1] > 0:
        return np.full(len(rows), np.nan)
    return onset(steps, rows)


def _onsets(x: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Return the onsets of curves without NaN, (curves, steps) to (curves,), as places on `x`."""
    stretch = np.gradient(x)
    stretch[[0, -1]] /= 2
    deviations = curves - _mean(curves, stretch)[:, None]
    centre, width, score = _best_curves(x, stretch, deviations)
    fitted, spread = _standardised(x, stretch, centre, width)
    residuals = deviations - score[:, None] * fitted
    # Four numbers are fitted to a curve.
    error = np.sqrt(2 * _mean(residuals**2, stretch) * len(x) / max(len(x) - 4, 1))
    difference = curves[:, -1] - curves[:, 0]
    size = 1e-9 * np.abs(curves).max(axis=1)  # of rounding errors
    at = centre - width * FASTEST
    known = (score > size) & (difference > np.maximum(2 * error, size)) & (spread > 0)
    return np.where(known & (at >= x[0]) & (centre < x[-1]), at, np.nan)


def _best_curves(
    x: np.ndarray, stretch: np.ndarray, deviations: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return centre, width and height of the logistic curve nearest to each of the curves.

    `deviations` (curves, steps) are those from their means. Of given centre and width, the best
    height is a projection, and the nearest curve the one with the longest: first of a grid, then of
    ever closer neighbours of the best.
    """
    # Centres outside too: a curve that would have one mustn't seem to have it at the last step.
    beyond = (x[-1] - x[0]) / 4
    centres = np.linspace(x[0] - beyond, x[-1] + beyond, CENTRES)
    widths = np.geomspace(np.diff(x).min() / 4, x[-1] - x[0], WIDTHS)
    grid = np.stack(np.meshgrid(centres, widths, indexing="ij")).reshape(2, -1)
    shapes, _ = _standardised(x, stretch, *grid)
    best = (deviations * stretch) @ shapes.T
    centre, width = grid[:, best.argmax(axis=1)]
    shift, ratio = centres[1] - centres[0], widths[1] / widths[0]
    offsets = np.stack(np.meshgrid((0, -1, 1), (0, -1, 1))).reshape(2, -1)
    for _ in range(ROUNDS):
        shift, ratio = shift / 2, np.sqrt(ratio)
        near = np.clip(centre[:, None] + shift * offsets[0], centres[0], centres[-1])
        wide = np.clip(width[:, None] * ratio ** offsets[1], widths[0], widths[-1])
        shapes, _ = _standardised(x, stretch, near, wide)
        chosen = np.einsum("ckt,ct->ck", shapes, deviations * stretch).argmax(axis=1)[:, None]
        centre = np.take_along_axis(near, chosen, axis=1)[:, 0]
        width = np.take_along_axis(wide, chosen, axis=1)[:, 0]
    shapes, _ = _standardised(x, stretch, centre, width)
    return centre, _no_narrower(x, centre, width), (shapes * deviations * stretch).sum(axis=1)


def _no_narrower(x: np.ndarray, centre: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return widths of at least a quarter of the gap around the centre.

    Narrower ones can't be told apart: all rise from one step to the next, wherever between them.
    """
    after = np.clip(np.searchsorted(x, centre), 1, len(x) - 1)
    return np.maximum(width, (x[after] - x[after - 1]) / 4)


def _standardised(
    x: np.ndarray, stretch: np.ndarray, centre: np.ndarray, width: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return logistic curves (..., steps) with mean 0 and length 1 by `stretch`, and their lengths.

    A curve that is constant at the steps is 0.
    """
    width = _no_narrower(x, centre, width)
    exponent = np.clip((x - centre[..., None]) / width[..., None], -500, 500)
    curves = 1 / (1 + np.exp(-exponent))
    curves -= _mean(curves, stretch)[..., None]
    length = np.sqrt((curves**2) @ stretch)
    return curves / np.maximum(length, 1e-12)[..., None], length


def _mean(values: np.ndarray, stretch: np.ndarray) -> np.ndarray:
    return values @ (stretch / stretch.sum())
