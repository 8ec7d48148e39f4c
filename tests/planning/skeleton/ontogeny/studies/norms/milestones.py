"""When the weights have grown half of their way, for the atlas."""

import pandas as pd

from ontogeny.planning.study import Settings
from ontogeny.results.half_way import FEWEST, half_way
from ontogeny.results.timeline import milestones


def growth(measured: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return where each seed's norm is half-way to its last, and in which gap between steps."""
    rows = []
    for (run, seed), part in measured.sort_values("step").groupby(["run", "seed"]):
        if len(part) >= FEWEST:
            found = half_way(part["step"].to_numpy(), part["value"].to_numpy())
            rows.append((run, seed, "weights have grown", *map(float, found)))
    frame = pd.DataFrame(rows, columns=["run", "seed", "milestone", "step", "low", "high"])
    return milestones(frame.dropna(subset="step").assign(kind="half-way"))
