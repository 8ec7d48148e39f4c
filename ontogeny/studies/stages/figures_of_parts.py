"""The figure of the coefficients of single layers and heads."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ontogeny.figures.axes import layer_colours, step_axis
from ontogeny.figures.style import WIDTH, band, each, legend_below, statement, styled
from ontogeny.studies.stages.shading import shade, type_handles

COLUMNS = 3


@styled
def refined(table: pd.DataFrame, boundaries: pd.DataFrame, bandwidth: float) -> Figure:
    """Draw each layer's coefficient against step, and each head's, a panel for each layer's heads.

    All panels have the same steps, those of heads the same heights.
    """
    rows = table[table["metric"] == "llc_refined"]
    if rows.empty:
        return statement("No chain stayed near its checkpoint, so there is nothing to show.")
    of_heads = rows["head"].notna()
    panels = [("layers", rows[~of_heads].assign(part=rows["layer"]))] if (~of_heads).any() else []
    panels += [
        (
            f"heads of layer {layer:.0f}",
            rows[of_heads & (rows["layer"] == layer)].assign(part=rows["head"]),
        )
        for layer in sorted(rows["layer"][of_heads].unique())
    ]
    colours = layer_colours(int(max(own["part"].max() for _, own in panels)))
    across = min(COLUMNS, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(WIDTH, 0.9 + 1.7 * down), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False)
    for spare in grid.flat[len(panels) :]:
        spare.remove()
    heads = []
    for number, (axes, (title, own)) in enumerate(zip(grid.flat, panels, strict=False)):
        lowest = number + across >= len(panels)
        step_axis(axes, table["step"], most=4, label=lowest)
        shade(axes, boundaries)
        axes.set_title(title, loc="left")
        for part, summary in each(own, "part", "step").items():
            gid = f"{title} {int(part)}"
            band(axes, summary, color=colours[int(part) - 1], gid=gid, marker="o", linewidth=0.9)
        if own["head"].notna().any():
            heads.append(axes)
            axes.sharey(heads[0])
    for row in grid:
        row[0].set_ylabel("local learning\ncoefficient")
    what = " or ".join(sorted({title.split()[0].removesuffix("s") for title, _ in panels})[::-1])
    handles = [
        Line2D([], [], color=colour, marker="o", label=f"{what} {part}")
        for part, colour in enumerate(colours, start=1)
    ]
    legend_below(figure, table["seed"].nunique(), [*handles, *type_handles(boundaries)], columns=4)
    return figure
