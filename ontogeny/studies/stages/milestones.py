"""When one stage passes into the next, for the atlas."""

import numpy as np
import pandas as pd

from ontogeny.planning.study import Settings
from ontogeny.results.timeline import milestones


def boundaries(found: pd.DataFrame, measured: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return the ends of all stages but the last, of all seeds together and of each.

    Those of all together have the table's intervals (m out of n bootstrap over seeds and chains).
    A seed's boundary is the one that is found in its own curve within that interval, nearest to the
    common one in log step; a seed that has none there lacks the milestone. It has no interval of
    its own: the table has no chains.
    """
    from ontogeny.measures.essential_dynamics import log_steps
    from ontogeny.measures.stage_boundaries import find_boundaries

    rows: list[tuple] = []
    curves = measured[measured["metric"].eq("llc")]
    for (run, corpus), stages in found.groupby(["run", "corpus"]):
        own = curves[curves["run"].eq(str(run)) & curves["corpus"].eq(str(corpus))]
        of_seeds = {}
        for seed, part in own.groupby("seed"):
            curve = part.groupby("step")["value"].mean()
            times = log_steps(curve.index.to_numpy())
            of_seeds[seed] = find_boundaries(times, curve.to_numpy(), settings["bandwidth"])
        ends = stages.pivot_table(index="stage", columns="metric", values="value")
        ends = ends.reindex(columns=["end", "end_low", "end_high"]).sort_index().iloc[:-1]
        for stage, values in zip(ends.index, np.maximum(ends.to_numpy(), 0.0), strict=True):
            name = f"stage {stage} ends"
            rows.append((run, corpus, None, name, *values))
            at, low, high = np.log1p(values)
            for seed, times in of_seeds.items():
                within = times[(times >= low) & (times <= high)]
                if len(within):
                    nearest = within[np.abs(within - at).argmin()]
                    rows.append((run, corpus, seed, name, np.expm1(nearest), np.nan, np.nan))
    columns = ["run", "corpus", "seed", "milestone", "step", "low", "high"]
    frame = pd.DataFrame(rows, columns=columns)
    return milestones(frame.assign(kind="boundary"))
