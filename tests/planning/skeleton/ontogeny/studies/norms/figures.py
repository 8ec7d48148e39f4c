"""The figure of the study of norms."""

from collections.abc import Callable

import pandas as pd
from matplotlib.figure import Figure

from ontogeny.figures.axes import step_axis
from ontogeny.figures.style import WIDTH, band, legend_below, over_seeds, styled


@styled
def growth(table: pd.DataFrame) -> Figure:
    """Draw the norm of the weights against step, seeds as a band."""
    figure = Figure(figsize=(WIDTH, 2.5), layout="constrained")
    axes = figure.subplots()
    step_axis(axes, table["step"].unique())
    axes.set_ylabel("norm of the weights")
    band(axes, over_seeds(table, "step"), color="#0072B2", gid="weight_norm")
    legend_below(figure, table["seed"].nunique())
    return figure


FIGURES: dict[str, Callable[..., Figure]] = {"growth": growth}
