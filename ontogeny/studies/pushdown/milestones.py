"""When each task arrives at each depth, for the atlas."""

import pandas as pd

from ontogeny.planning.study import Settings
from ontogeny.results.timeline import milestones


def arrivals(migration: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return the first checkpoint at which each layer suffices for each task, over all words.

    Intervals are those of the table: over sentences for a seed, over seeds and sentences for all.
    """
    rows = migration[migration["metric"].eq("arrival_step") & migration["subset"].eq("all")]
    named = rows.assign(
        milestone=rows["task"].str.replace("_", " ") + " arrives", step=rows["value"]
    )
    return milestones(named.assign(kind="arrival"))
