"""The figure of forms: what a function that training turns around does to single tokens."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ontogeny.figures.style import WIDTH, statement, styled

MOST = 6  # forms that have a panel
LONGEST = 26  # letters of what comes before a token


@styled
def forms(table: pd.DataFrame, bandwidth: float) -> Figure:
    """Draw for each form the tokens whose loss it moves most, and by how much."""
    counts = table[table["form"].isna()].groupby("metric")["value"].mean()
    tokens = table[table["rank"].notna() & (table["metric"] == "loss_change")]
    said = (
        f"{counts['forms']:.1f} forms a seed; a random walk over the same steps has "
        f"{counts['forms_by_chance']:.1f}"
    )
    if tokens.empty:
        return statement(f"No point that all projections turn around: {said}.")
    shown = list(tokens.groupby(["seed", "form"], sort=True))[:MOST]
    rows = -(-len(shown) // 2)
    figure = Figure(figsize=(WIDTH, 0.4 + 1.5 * rows), layout="constrained")
    grid = figure.subplots(rows, 2, squeeze=False)
    for spare in grid.flat[len(shown) :]:
        spare.remove()
    for axes, ((seed, form), own) in zip(grid.flat, shown, strict=False):
        own = own.sort_values("rank")
        whole = table[(table["seed"] == seed) & (table["form"] == form) & table["rank"].isna()]
        step = whole.set_index("metric")["value"]["step"]
        axes.set_title(f"seed {seed}, form at step {step:,.0f}", loc="left")
        colours = np.where(own["value"] > 0, "#D55E00", "#0072B2")
        axes.barh(-own["rank"].astype(int), own["value"], color=colours, gid=f"{seed} {form}")
        axes.axvline(0, color="0.5", linewidth=0.6)
        axes.set_yticks(
            -own["rank"].astype(int),
            [_shortened(*row) for row in zip(own["before"], own["token"], strict=True)],
        )
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel("loss at the form, less that of\nthe curve then")
    figure.suptitle(said, x=0.01, ha="left")
    return figure


def _shortened(before: str, token: str) -> str:
    kept = before if len(before) <= LONGEST else "…" + before[-LONGEST:]
    # A dollar sign begins a formula where matplotlib draws text.
    return f"{kept} [{token}]".replace("$", r"\$")
