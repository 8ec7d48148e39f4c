"""Sentences before and after sampling, side by side."""

import textwrap

import pandas as pd
from matplotlib.figure import Figure

from ontogeny.figures.style import WIDTH, statement, styled

CHARACTERS = 92  # of a line beside the names
LINE = 0.135  # inches


@styled
def sentences(table: pd.DataFrame) -> Figure:
    """Write each sentence above what each sampler made of it after the most sweeps."""
    rows = table[table["sweeps"] == table["sweeps"].max()]
    if rows.empty:
        return statement("No sentence was sampled, so there is nothing to show.")
    lines: list[tuple[str, str, str]] = []  # name, text, colour
    for number, own in rows.groupby("sentence"):
        entries = [(f"({number}) original", own["before"].iloc[0], "black")]
        entries += [
            (str(row.run), str(row.after), "#0072B2") for row in own.sort_values("run").itertuples()
        ]
        for name, text, colour in entries:
            wrapped = textwrap.wrap(text, CHARACTERS) or [""]
            lines.append((name, wrapped[0], colour))
            lines += [("", line, colour) for line in wrapped[1:]]
        lines.append(("", "", "black"))
    height = LINE * (len(lines) + 2)
    figure = Figure(figsize=(WIDTH, height))
    sweeps = int(rows["sweeps"].iloc[0])
    figure.text(0.01, 1 - LINE / height, f"after {sweeps} sweeps", va="top", fontsize=7.5)
    for number, (name, text, colour) in enumerate(lines[:-1], start=2):
        y = 1 - (number + 0.2) * LINE / height
        figure.text(0.01, y, name, va="top", fontsize=6.5, color="0.35")
        figure.text(0.21, y, text, va="top", fontsize=6.5, color=colour)
    return figure
