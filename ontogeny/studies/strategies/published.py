"""What the claims about strategies are built of: their source, and the conditions they speak of."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from ontogeny.results.claims import Claim
from ontogeny.studies.strategies.claim_statistics import Condition, Curves, estimate

REPORT = "Developmental Narrative of Syntax in MLMs (surajk610.github.io, 2025)"
DISTRIBUTION = "Distribution Drives Strategy Selection"
BOTH = f"{DISTRIBUTION}; Dual Process Learning"


Chosen = Callable[[Condition], bool]


def zipf(ambiguity: float, forgetting: str = "none") -> Chosen:
    """Return a test for conditions under Zipf's law with this ambiguity that forget in this way."""
    return lambda c: c.alpha > 0 and c.ambiguity == ambiguity and c.forgetting == forgetting


def uniform(ambiguity: float) -> Chosen:
    """Return a test for conditions of this ambiguity under the uniform law that forget nothing."""
    return lambda c: c.alpha == 0 and c.ambiguity == ambiguity and c.forgetting == "none"


def unambiguous(condition: Condition) -> bool:
    """Tell whether no token is ambiguous and nothing is forgotten."""
    return condition.ambiguity == 0 and condition.forgetting == "none"


def ambiguous(condition: Condition) -> bool:
    """Tell whether 1% of the types or more are ambiguous and nothing is forgotten."""
    return condition.ambiguity >= 0.01 and condition.forgetting == "none"


def somewhat_ambiguous(condition: Condition) -> bool:
    """Tell whether some types are ambiguous, but few enough for a class to have a core of others.

    With half of the types ambiguous, a quarter of all queries has a role that no embedding can
    know.
    """
    return 0.01 <= condition.ambiguity <= 0.1 and condition.forgetting == "none"


def published(
    number: str,
    statement: str,
    section: str,
    statistic: str,
    direction: Literal["above", "below"],
    threshold: float,
    values: Callable[[Curves], np.ndarray],
    chosen: Chosen,
) -> Claim:
    """Return a claim of the report about a number for each chosen condition and seed.

    `values` returns it, (conditions, seeds) of all conditions.
    """
    return Claim(
        id=f"strategies.{number}",
        study="strategies",
        statement=statement,
        source=f"{REPORT}, {section}",
        statistic=f"{statistic}; mean over conditions and seeds",
        direction=direction,
        threshold=threshold,
        estimate=lambda found: estimate(found, values(found), chosen),
        seeds=2,
        steps=4,
    )
