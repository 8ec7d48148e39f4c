"""The claim of the study of norms."""

import pandas as pd

from ontogeny.results.claims import Claim, Estimate


def growth(table: pd.DataFrame) -> Estimate:
    """Return the last norm over the first, mean over seeds; its interval is their range."""
    by_seed = table.sort_values("step").groupby("seed")["value"]
    ratio = by_seed.last() / by_seed.first()
    return Estimate(ratio.mean(), ratio.min(), ratio.max(), seeds=len(ratio))


CLAIMS = [
    Claim(
        "norms.1",
        "norms",
        "Weights grow as training goes on.",
        "an example",
        "last norm over the first",
        "above",
        1.0,
        growth,
    )
]


def evidence(table: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """Return each run's rows."""
    return {(str(run), ""): rows for run, rows in table.groupby("run")}
