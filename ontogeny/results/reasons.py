"""Why an experiment can't decide a claim, in words."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ontogeny.results.claims import Claim, Estimate


def reason(claim: "Claim", estimate: "Estimate", verdict: str, tier: str) -> str:
    """Return why the tier at hand can't decide a claim; empty where it does.

    `verdict` is as `ontogeny.results.claims.judge` returns it.
    """
    if verdict == "undecided":
        return f"the {tier} tier can't decide it: the interval holds the threshold, or touches it"
    if verdict != "insufficient data":
        return ""
    return f"the {tier} tier can't decide it: {_lacking(claim, estimate)}"


def _lacking(claim: "Claim", estimate: "Estimate") -> str:
    needs = (
        (estimate.seeds, claim.seeds, "seeds"),
        (estimate.steps, claim.steps, "checkpoints"),
        (estimate.tasks, claim.tasks, "things to compare"),
    )
    short = [f"{has} {what} of the {least} it needs" for has, least, what in needs if has < least]
    if short:
        return "it has " + ", ".join(short)
    if np.isnan(estimate.value):
        return "the statistic can't be computed from what was measured"
    if np.isnan([estimate.low, estimate.high]).any():
        return "the statistic has no interval"
    if not np.isnan(estimate.chance) and estimate.low != estimate.high:
        return f"luck alone would bear it out {estimate.chance:.0%} of the time"
    return "all draws are alike, which doesn't say by how much it might have differed"
