"""Rows of any study's tables, made up: of as many runs, seeds and steps as asked."""

import math

import numpy as np
import pandas as pd

from ontogeny.results.tables import RUN, SEED, STEP, Column, Metric, Table

# Of each run: seeds, steps, layers.
SMALL = {"first": ([0, 1], [0, 10, 100, 1000], 3), "second": ([0, 1, 2], [0, 30, 300], 2)}
ONE_SEED = {"only": ([7], [0, 10, 100], 2)}
# MultiBERTs, and three sizes of Pythia.
PAPER = {
    "multiberts": (range(5), range(0, 2_000_001, 70_000), 13),
    "pythia-70m": ([0], [0, *(2**k for k in range(10)), *range(1000, 144_000, 1000)], 7),
    "pythia-160m": ([0], [0, *(2**k for k in range(10)), *range(1000, 144_000, 1000)], 13),
    "pythia-410m": ([0], [0, *(2**k for k in range(10)), *range(1000, 144_000, 1000)], 25),
}

MILESTONES = Table(
    "timeline",
    keys=(
        Column("milestone", "string", "what came"),
        Column("study", "string", "which study says so"),
        RUN,
        SEED,
    ),
    metrics=(Metric("step", "when it came", "updates", 0),),
    further=(
        Column("low", "float", "lower end", nullable=True),
        Column("high", "float", "upper end", nullable=True),
    ),
)
PLAIN = Table(
    "plain",
    keys=(RUN, SEED, STEP, Column("kind", "string", "of two", values=("this", "that"))),
    metrics=(Metric("size", "how large", "m"), Metric("weight", "how heavy", "kg")),
)


def made_rows(panel, runs=SMALL):
    """A frame with all columns of the panel's table; the value says what the row is of."""
    if panel.kind == "timeline":
        return milestones(panel.table, runs)
    parts = []
    names = {key.name for key in panel.table.keys}
    if "run" not in names:  # trained by the study itself, and small
        runs = {"": SMALL["first"]}
    for number, (run, (seeds, steps, layers)) in enumerate(runs.items()):
        clock = {"run": [run], "seed": list(seeds), "step": list(steps)}
        values = {
            key.name: clock[key.name] if key.name in clock else of_column(key, panel, layers)
            for key in panel.table.keys
        }
        averaged = [name for name in values if name not in (*clock, *panel.columns)]
        for name in averaged[1:] if runs is PAPER else []:  # of the many columns one does
            values[name] = values[name][:1]
        values["metric"] = list(panel.metrics)
        rows = pd.MultiIndex.from_product(values.values(), names=list(values)).to_frame(index=False)
        step = rows.get("step", 0.0)
        seed = rows.get("seed", 0.0)
        wave = np.sin(np.arange(len(rows)) * 0.7 + number)
        parts.append(rows.assign(value=np.log1p(step) / 20 + 0.01 * seed + 0.05 * wave))
    frame = pd.concat(parts, ignore_index=True)
    for column in panel.table.further:
        frame[column.name] = 1 if column.kind != "string" else "x"
    return frame


def of_column(column, panel, layers):
    kept = panel.keep.get(column.name)
    if column.name in panel.keep:
        return list(kept) if isinstance(kept, tuple) else [kept]
    if column.values:
        # Of what is averaged over, a few do.
        most = 8 if column.name in (panel.series, panel.task) else 2
        return list(column.values[: most if column.name in panel.columns else 2])
    if column.name not in panel.columns:
        return [None if column.nullable else 0 if column.kind != "string" else "x"]
    if column.kind == "string":
        return [f"{column.name} {letter}" for letter in ("a" if column.name == "corpus" else "ab")]
    distances = 8 if column.name == panel.across else 2
    return list(range(layers if column.name == "layer" else distances))


def milestones(table, runs):
    rows = [
        (name, study, run, seed, "step", place, place / 2, place * 2)
        for run, (seeds, steps, _) in runs.items()
        for seed in seeds
        for order, (study, name) in enumerate(
            [("pushdown", "upos, layer 2"), ("sas", "structure onset"), ("sas", "capability onset")]
        )
        for place in [math.sqrt(max(steps)) * (1 + order) + seed]
    ]
    names = ["milestone", "study", "run", "seed", "metric", "value", "low", "high"]
    return pd.DataFrame(rows, columns=names)
