"""Rows of the table of clones, with all its keys."""

from typing import Any

import pandas as pd

from ontogeny.studies.clones.tables import CLONES, KEYS


def as_rows(frame: pd.DataFrame, **keys: Any) -> pd.DataFrame:
    """Return rows with the columns of the table, keys that don't apply being null."""
    found = frame.assign(**keys).reindex(columns=[*KEYS, "metric", "value"])
    whole = {key.name: "Int64" for key in CLONES.keys if key.kind == "int"}
    return found.astype(whole | {"sampler": object, "value": "float64"})
