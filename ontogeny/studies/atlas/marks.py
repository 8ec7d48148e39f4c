"""Marks that the atlas's figures share: of kinds of milestones, and of states of training."""

from collections.abc import Iterable

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ontogeny.figures.axes import step_edges
from ontogeny.figures.style import SPREAD

MARKERS = {
    "onset": ">",
    "steepest": "D",
    "half-way": "o",
    "arrival": "s",
    "boundary": "|",
    "saturation": "^",
}

# Of studies, in the order of lanes: the palette of Okabe and Ito (2008), wine for yellow.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7A1F4B", "#E69F00", "#56B4E9", "#000000")


def study_colours(studies: Iterable[str]) -> dict[str, str]:
    """Return a colour for each study, in the order of their names, in which lanes stand too."""
    return {
        study: COLOURS[place % len(COLOURS)] for place, study in enumerate(sorted(set(studies)))
    }


def kind_handles(kinds: Iterable[str]) -> list[Line2D]:
    """Return what the markers in a legend mean, in the order in which a rise passes them."""
    there = set(kinds)
    return [
        Line2D([], [], color="0.2", linestyle="", marker=MARKERS[kind], label=kind)
        for kind in MARKERS
        if kind in there
    ]


def study_handles(colours: dict[str, str]) -> list[Line2D]:
    """Return what the colours of studies in a legend mean."""
    return [
        Line2D([], [], color=colour, linewidth=3, label=study) for study, colour in colours.items()
    ]


def state_colours(states: int) -> np.ndarray:
    """Return a colour for each state, from dark (the first) to light; (states, 4)."""
    return np.asarray(mpl.colormaps[SPREAD](np.linspace(0.1, 0.95, states)))


def strips(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw a strip for each seed, coloured by the state of each checkpoint, on a step axis.

    `rows` are those of `STATES` with the metric `state`. A state's number stands where it begins.
    """
    seeds = sorted(rows["seed"].dropna().unique())
    edges = step_edges(axes, rows["step"].astype(int))
    steps = np.unique(rows["step"].astype(int))
    colours = state_colours(int(rows["states"].max()))
    for place, seed in enumerate(seeds):
        own = rows[rows["seed"].eq(seed)].set_index("step")["value"].reindex(steps)
        known = own.notna().to_numpy()
        states = own.fillna(1).to_numpy(dtype=int)
        for at in np.flatnonzero(known):
            axes.fill_betweenx(
                [place - 0.45, place + 0.45],
                edges[at],
                edges[at + 1],
                color=colours[states[at] - 1],
                linewidth=0,
                gid=f"state:{seed}:{steps[at]}",
            )
            if at == 0 or states[at] != states[at - 1]:
                light = colours[states[at] - 1][:3].mean() > 0.5
                middle = axes.transData.transform([(edges[at], 0), (edges[at + 1], 0)]).mean(axis=0)
                x = axes.transData.inverted().transform(middle)[0]
                axes.text(
                    x,
                    place,
                    str(states[at]),
                    ha="center",
                    va="center",
                    fontsize=5.5,
                    color="black" if light else "white",
                )
    axes.set_yticks(range(len(seeds)), [f"seed {int(seed)}" for seed in seeds])
    axes.set_ylim(len(seeds) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
