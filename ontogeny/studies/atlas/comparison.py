"""What the milestones of a run say together: agreement of seeds, coincidence, order."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ontogeny.measures.timelines.agreement import Agreement, rank_agreement
from ontogeny.measures.timelines.coincidence import Coincidence, coincidence
from ontogeny.measures.timelines.partial_order import least_p
from ontogeny.measures.timelines.precedence import Precedence, precedence
from ontogeny.results.claims import LUCK
from ontogeny.studies.atlas.tables import ATLAS
from ontogeny.studies.atlas.timeline import Times


@dataclass(frozen=True)
class Compared:
    """The milestones of one run, compared with each other and between seeds."""

    run: str
    times: Times
    agreement: Agreement
    coincidence: Coincidence
    precedence: Precedence


def compare(
    run: str, times: Times, *, together: float, permutations: int, draws: int, seed: int
) -> Compared:
    """Compare the milestones of a run; `together` is the factor in step within which two coincide.

    The tests are those of `ontogeny.measures.timelines`, which say what is permuted within what.
    """
    generators = np.random.default_rng([seed, *run.encode()]).spawn(2)
    return Compared(
        run,
        times,
        rank_agreement(
            times.times,
            times.kinds,
            permutations=permutations,
            draws=draws,
            generator=generators[0],
        ),
        coincidence(
            times.times,
            float(np.log(together)),
            permutations=permutations,
            generator=generators[1],
        ),
        precedence(times.times),
    )


def joined(runs: Iterable[Compared]) -> pd.DataFrame:
    """Return the rows of the table `atlas`, of all runs."""
    columns = [column.name for column in ATLAS.columns]
    parts = [rows(compared) for compared in runs]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def rows(compared: Compared) -> pd.DataFrame:
    """Return the rows of the table `atlas` of one run.

    Of two milestones the one stands first that comes first in more seeds, or on average.
    """
    found = [*_agreement(compared), *_pairs(compared)]
    columns = [column.name for column in ATLAS.columns]
    frame = pd.DataFrame(found, columns=columns[1:]).assign(run=compared.run)
    frame = frame.astype({"seed": "Int64", "other_seed": "Int64", "n": "int64"})
    for name in ("value", "low", "high", "expected", "p"):
        frame[name] = frame[name].astype(np.float64)
    return frame[columns]


def _agreement(compared: Compared) -> list[tuple]:
    found, seeds, times = compared.agreement, compared.times.seeds, compared.times.times
    metric = "rank_correlation"
    rows: list[tuple] = []
    for (one, other), value in found.pairs.items():
        if np.isfinite(value):
            both = int((np.isfinite(times[:, one]) & np.isfinite(times[:, other])).sum())
            ends = (np.nan, np.nan, np.nan, np.nan)
            rows.append((seeds[one], seeds[other], None, None, metric, value, *ends, both, None))
    if np.isfinite(found.value):
        ends = (found.low, found.high, np.nan, found.chance)
        rows.append((None, None, None, None, metric, found.value, *ends, len(seeds), None))
    return rows


def _pairs(compared: Compared) -> list[tuple]:
    names, seeds = compared.times.names, len(compared.times.seeds)
    near, order = compared.coincidence, compared.precedence
    rows = []
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            share, p = near.share[first, second], near.adjusted[first, second]
            rows.append(
                (None, None, names[first], names[second], "coincidence", share, np.nan, np.nan,
                 near.expected[first, second], p, seeds,
                 _together(p, near.attainable[first, second]))
            )  # fmt: skip
            a, b = first, second
            if order.before[b, a] > order.before[a, b]:
                a, b = b, a
            number = int(order.compared[a, b])
            if number:
                rows.append(
                    (None, None, names[a], names[b], "precedence", order.before[a, b] / number,
                     np.nan, np.nan, np.nan, order.adjusted[a, b], number,
                     _always(order, a, b, seeds))
                )  # fmt: skip
    return rows


def _together(p: float, attainable: float) -> str:
    """Return what follows of a coincidence; nothing if no outcome could have been significant."""
    if np.isnan(p) or attainable >= LUCK:
        return "insufficient data"
    return "together" if p < LUCK else "by chance"


def _always(order: Precedence, first: int, second: int, seeds: int) -> str:
    """Return what follows of an order; nothing if even the same in every seed would be luck."""
    if least_p(int(order.compared[first, second])) >= LUCK:
        return "insufficient data"
    if order.always[first, second] and order.adjusted[first, second] < LUCK:
        return "always"
    return "not always"
