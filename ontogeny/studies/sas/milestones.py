"""When structure and capability set in, and when the loss drops, for the atlas."""

import pandas as pd

from ontogeny.planning.study import Settings
from ontogeny.results.timeline import milestones

NAMES = {
    "structure_onset": ("syntactic attention sets in", "onset"),
    "capability_onset": ("grammatical capability sets in", "onset"),
    "loss_drop": ("loss drops", "steepest"),
}


def found(onsets: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return the onsets of structure and capability and the steepest drop of the loss.

    Intervals are those of the table: over sentences for a seed, over seeds and sentences for all.
    """
    rows = onsets[onsets["metric"].isin(list(NAMES))]
    named = rows.assign(
        milestone=rows["metric"].map({metric: name for metric, (name, _) in NAMES.items()}),
        kind=rows["metric"].map({metric: kind for metric, (_, kind) in NAMES.items()}),
        step=rows["value"],
    )
    return milestones(named)
