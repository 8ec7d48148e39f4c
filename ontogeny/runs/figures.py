"""The loss curve of a run, drawn from the table of losses alone."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ontogeny.errors import TableError
from ontogeny.figures.axes import rescalings, step_axis
from ontogeny.figures.style import WIDTH, band, each, legend_below, statement, styled

# Blue and vermillion of Okabe and Ito; the line and the marker tell them apart in grey.
LOSS_STYLES: dict[str, dict[str, Any]] = {
    "train_loss": {"color": "#0072B2", "linestyle": "--", "marker": "s", "fillstyle": "none"},
    "dev_loss": {"color": "#D55E00", "linestyle": "-", "marker": "o"},
}
LOSS_NAMES = {
    "train_loss": "training, mean since the checkpoint before",
    "dev_loss": "development split, at the checkpoint",
}


@styled
def loss_curve(losses: pd.DataFrame) -> Figure:
    """Draw the training and the development loss of one run against step.

    `losses` has the columns `run`, `seed`, `step`, `metric` (`train_loss`, `dev_loss`) and `value`,
    in nats per predicted token. Lines are means over seeds, bands go from the lowest to the
    highest, dotted vertical lines mark where the learning rate was rescaled (metric
    `learning_rate`). Raises `TableError` if there are several runs.
    """
    runs = sorted(losses["run"].unique())
    if len(runs) > 1:
        raise TableError(
            f"a loss curve shows one run, the table holds {', '.join(runs)}. Select one before "
            "drawing."
        )
    if losses.empty:
        return statement("No loss was recorded, so there is no loss curve.")
    figure = Figure(figsize=(0.65 * WIDTH, 2.6), layout="constrained")
    axes = figure.subplots()
    measured = losses[losses["metric"].isin(list(LOSS_STYLES))]
    step_axis(axes, measured["step"].unique())
    axes.set_ylabel("loss (nats per predicted token)")
    by_metric = each(losses, "metric", "step")
    handles = []
    for metric, style in LOSS_STYLES.items():
        if metric in by_metric:
            handles.append(band(axes, by_metric[metric], gid=metric, **style))
            handles[-1].set_label(LOSS_NAMES[metric])
    rescalings(axes, losses)
    axes.set_ylim(bottom=0)
    legend_below(figure, losses["seed"].nunique(), handles, columns=2)
    return figure
