"""Axes that all figures share: steps, layers, and lines that bear their names."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.path import Path as Outline
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import ArrayLike

from ontogeny.figures.style import SEQUENTIAL, task_name


def is_logarithmic(steps: ArrayLike) -> bool:
    """Say whether a schedule of steps is to be shown on a logarithmic axis.

    It is where checkpoints lie denser early on (the gaps in the later half of the schedule are on
    average more than twice those in the earlier half), or where two of them could not be told
    apart on a linear axis (closer than a 500th of the last step).
    """
    ordered = np.unique(steps).astype(float)
    if (ordered > 0).sum() < 2 or len(ordered) < 3:
        return False
    gaps = np.diff(ordered)
    half = len(gaps) // 2
    return bool(gaps[-half:].mean() > 2 * gaps[:half].mean() or gaps.min() < ordered[-1] / 500)


def step_label(steps: ArrayLike) -> str:
    """Return the label of the step axis, which says how the axis is scaled."""
    return "step (updates, log)" if is_logarithmic(steps) else "step (updates)"


def step_axis(axes: Axes, steps: ArrayLike, *, most: int = 6, label: bool = True) -> None:
    """Make the x axis a step axis: logarithmic where the schedule is, with step 0 on it.

    On a logarithmic axis step 0, the initialisation, stands about one gap of the schedule to the
    left of the first positive step, behind a break mark. (The scale is matplotlib's `symlog`,
    linear below the first positive step, where no other step lies.) Small ticks mark the
    checkpoints, if they are at most 40. At most `most` ticks bear labels, besides that of step 0.
    """
    ordered = np.unique(steps).astype(float)
    positive = ordered[ordered > 0]
    if is_logarithmic(steps):
        _set_step_scale(axes, ordered)
        room = 0.25 / most if ordered[0] == 0 else None
        major = _round_numbers(axes, positive[0], positive[-1], room)
        major = major if len(major) <= most else major[:: -(-len(major) // most)]
        if ordered[0] == 0:
            major = np.r_[0.0, major]
            _break_mark(axes, positive[0] / 2)
        axes.xaxis.set_major_locator(FixedLocator(list(major)))
    else:
        round_steps = MaxNLocator(most, integer=True).tick_values(ordered[0], ordered[-1])
        between = (round_steps >= ordered[0]) & (round_steps <= ordered[-1])
        major = ordered if len(ordered) <= 3 else round_steps[between]
        axes.xaxis.set_major_locator(FixedLocator(list(major)))
    few = len(ordered) <= 40
    axes.xaxis.set_minor_locator(FixedLocator(list(ordered)) if few else NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: short_number(step)))
    edges = step_edges(axes, ordered)
    axes.set_xlim(edges[0], edges[-1])
    if label:
        axes.set_xlabel(step_label(steps))


def _round_numbers(axes: Axes, first: float, last: float, room: float | None) -> np.ndarray:
    """Return the powers of ten in a range; where they are fewer than two, 1, 2 and 5 times them.

    Where these are fewer than two as well, the range's ends. With `room`, what doesn't stand apart
    from step 0 isn't among them.
    """
    powers = 10.0 ** np.arange(np.floor(np.log10(first)), np.floor(np.log10(last)) + 1)
    for factors in ([1], [1, 2, 5]):
        numbers = np.outer(powers, factors).ravel()
        numbers = numbers[(numbers >= first) & (numbers <= last)]
        if room is not None:
            numbers = _apart_from_zero(axes, numbers, last, room)
        if len(numbers) > 1:
            return numbers
    ends = np.array([first, last])
    return ends if room is None else _apart_from_zero(axes, ends, last, room)


def _set_step_scale(axes: Axes, ordered: np.ndarray) -> None:
    """Scale the x axis logarithmically, with room for step 0 if it is among the steps."""
    positive = ordered[ordered > 0]
    if ordered[0] > 0:
        axes.set_xscale("log")
        return
    span = np.log10(positive[-1] / positive[0])
    gap = float(np.clip(np.median(np.diff(np.log10(positive))), 0.08 * span, 0.25 * span))
    # From 0 to linthresh symlog takes linscale / (1 - 1 / base) decades.
    axes.set_xscale("symlog", linthresh=positive[0], linscale=0.9 * gap)


def _apart_from_zero(axes: Axes, ticks: np.ndarray, last: float, room: float) -> np.ndarray:
    """Leave out the ticks whose labels would run into that of 0.

    `room` is what a label needs for each of its characters, as a share of the way to the last step.
    """
    zero, end, *places = axes.xaxis.get_transform().transform(np.r_[0.0, last, ticks])
    needed = room * np.array([len(short_number(tick)) for tick in ticks])
    return ticks[np.array(places) - zero > needed * (end - zero)]


def _break_mark(axes: Axes, position: float) -> None:
    """Draw a break mark on the x axis at a position in data coordinates."""
    slashes = Outline([(-2, -2), (-0.5, 2), (0.5, -2), (2, 2)], [1, 2, 1, 2])
    axes.plot(
        position,
        0,
        marker=slashes,
        color="black",
        markersize=4,
        markeredgewidth=0.5,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
        zorder=10,
        gid="break",
    )


def step_edges(axes: Axes, steps: ArrayLike) -> np.ndarray:
    """Return the borders of the cells around the steps on a scaled x axis; shape (steps + 1,).

    A border lies midway between two neighbours as the axis shows them; the first and the last
    cell reach as far outwards as inwards. A single step has a cell one update wide.
    """
    ordered = np.unique(steps).astype(float)
    if len(ordered) == 1:
        return np.array([ordered[0] - 0.5, ordered[0] + 0.5])
    transform = axes.xaxis.get_transform()
    places = transform.transform(ordered)
    middles = (places[1:] + places[:-1]) / 2
    outer = 2 * places[0] - middles[0], 2 * places[-1] - middles[-1]
    return np.asarray(transform.inverted().transform(np.r_[outer[0], middles, outer[1]]))


def short_number(number: float) -> str:
    """Write a number of steps briefly: 900, 20k, 1.5M."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:g}{unit}"
    return f"{number:g}"


def rescalings(axes: Axes, losses: pd.DataFrame) -> None:
    """Draw a vertical line wherever the learning rate was rescaled, thinner for fewer seeds.

    `losses` has a run's rows of the table of losses: their metric `learning_rate` tells of that,
    and all of them how many seeds there are. The axis is one of steps. Without such a metric,
    nothing is drawn.
    """
    rescaled = losses[losses["metric"] == "learning_rate"]
    for step in sorted(rescaled["step"].unique()):
        seeds = rescaled.loc[rescaled["step"] == step, "seed"].nunique()
        share = seeds / losses["seed"].nunique()
        axes.axvline(
            step,
            color="0.5",
            linestyle=":",
            linewidth=0.4 + 0.6 * share,
            zorder=0,
            gid=f"rescaling:{step}",
        )


def layer_axis(
    axes: Axes,
    layers: ArrayLike,
    *,
    which: str = "y",
    most: int = 7,
    none: bool = False,
    label: bool = True,
) -> None:
    """Make an axis a layer axis: the embeddings, layer 0, are called "emb.".

    With `none`, a place above the last layer is called "none": no layer will do. At most about
    `most` ticks bear labels.
    """
    last = int(np.max(layers))
    stride = next(s for s in (1, 2, 3, 4, 6, 8, 12, 16, 24, last + 1) if last / s < most)
    ticks = [tick for tick in range(0, last + 1, stride) if not none or tick <= last + 1 - stride]
    names = ["emb." if tick == 0 else str(tick) for tick in ticks]
    if none:
        ticks, names = [*ticks, last + 1], [*names, "none"]
    limits = (-0.5, last + (1.5 if none else 0.5))
    if which == "y":
        axes.set_yticks(ticks, names)
        axes.set_ylim(limits)
    else:
        axes.set_xticks(ticks, names)
        axes.set_xlim(limits)
    if label:
        axes.set(**{f"{which}label": "layer"})


def layer_colours(layers: int) -> np.ndarray:
    """Return a colour for each of so many layers, from dark (embeddings) to light; (layers, 4).

    The lightest yellows of the map are left out: a line in them is lost on white.
    """
    return np.asarray(mpl.colormaps[SEQUENTIAL](np.linspace(0, 0.9, layers)))


def layer_bar(figure: Figure | SubFigure, axes: list[Axes], layers: int) -> None:
    """Put a key to `layer_colours` beside the panels."""
    colours = ListedColormap(layer_colours(layers))
    scale = ScalarMappable(Normalize(-0.5, layers - 0.5), colours)
    bar = figure.colorbar(scale, ax=axes, pad=0.01, aspect=30)
    layer_axis(bar.ax, range(layers), most=8)
    bar.ax.minorticks_off()


def label_ends(axes: Axes, ends: dict[str, float], colours: dict[str, str]) -> None:
    """Write names to the right of the panel, at the height where their lines end, none on another.

    `ends` gives each name's height in data coordinates. Call it last: how far apart labels must
    stand depends on the panel's height.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    bottom, top = axes.get_ylim()
    height = axes.get_window_extent().height
    apart = 1.25 * mpl.rcParams["font.size"] * figure.dpi / 72 / height
    names = sorted(ends, key=lambda name: (ends[name], name))
    wanted = np.array([(ends[name] - bottom) / (top - bottom) for name in names])
    for name, start, place in zip(names, wanted, spread_apart(wanted, apart), strict=True):
        axes.annotate(
            task_name(name),
            xy=(1.0, start),
            xytext=(1.06, place),
            xycoords="axes fraction",
            va="center",
            color=colours[name],
            arrowprops={
                "arrowstyle": "-",
                "color": colours[name],
                "linewidth": 0.5,
                "shrinkA": 1,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            },
            annotation_clip=False,
        )


def spread_apart(places: np.ndarray, apart: float) -> np.ndarray:
    """Move ascending places as little as need be until neighbours are `apart` from each other.

    Least squares under that constraint: isotonic regression of the places less their spacing.
    """
    offsets = np.arange(len(places)) * apart
    blocks: list[list[float]] = []  # [mean, count] of runs that had to be pooled
    for place in places - offsets:
        blocks.append([float(place), 1.0])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (mean, count), (last, more) = blocks[-2], blocks[-1]
            blocks[-2:] = [[(mean * count + last * more) / (count + more), count + more]]
    pooled = [mean for mean, count in blocks for _ in range(int(count))]
    return np.array(pooled) + offsets
