"""The claims about when attention turns syntactic, and what goes with it.

What hangs on an onset needs five steps, the fewest that can have one, and what compares the steps
that can be an onset nine after step 0, so that there are five to compare.
"""

from functools import partial
from typing import Literal

from ontogeny.results.claims import Claim
from ontogeny.studies.sas.declared_claim import claim
from ontogeny.studies.sas.timing_statistics import (
    abruptness,
    capability_lag,
    fall_at_onset,
    rise_within_drop,
)


def _complexity_drops(
    number: str,
    name: Literal["intrinsic_dimension", "fisher_trace"],
    rising: Literal["uas", "accuracy"],
) -> Claim:
    """Make the claim that a measure of complexity begins to drop where a curve begins to rise."""
    label, curve = {
        "intrinsic_dimension": ("intrinsic dimension", "intrinsic dimension"),
        "fisher_trace": ("trace of the Fisher information", "the log Fisher trace"),
    }[name]
    onset, what = {
        "uas": ("structure onset", "attention turns syntactic"),
        "accuracy": ("capability onset", "grammatical capability sets in"),
    }[rising]
    return claim(
        number,
        ("none",),
        f"The model's complexity ({label}) begins to drop where {what} ({onset}).",
        "on the complexity of the model",
        f"share of the other steps at which {curve} turns down less (deceleration in log step, "
        f"over its standard error under even noise) than at the {onset}, 0 if it doesn't fall "
        "from there to the next step; step 0 left out; mean over seeds",
        "above",
        0.7,
        partial(fall_at_onset, name=name, rising=rising),
        steps=9,
        capability=rising == "accuracy",
    )


TIMING_CLAIMS = (
    claim(
        "1a",
        ("none",),
        "Attention turns syntactic in the brief window in which the loss drops steeply.",
        "abstract",
        "steps of the schedule by which the step where UAS rises most steeply in log step lies "
        "within the window in which the loss falls at least half as steeply as at its steepest: "
        "the distance to the nearer end, negative outside; mean curves over seeds, step 0 left "
        "out. By luck alone: the share of the steps that are as near to the steepest drop",
        "above",
        -0.5,
        rise_within_drop,
        steps=5,
    ),
    claim(
        "1b",
        ("none",),
        "Attention turns syntactic abruptly.",
        "abstract",
        "slope of UAS in log step where that of the other seeds is steepest, over the slope from "
        "the first checkpoint to the last; means over seeds",
        "above",
        2,
        abruptness,
        steps=5,
    ),
    claim(
        "2",
        ("none",),
        "Syntactic attention precedes grammatical capability.",
        "abstract",
        "gaps between checkpoints from the structure onset to the capability onset (greatest "
        "acceleration in log step of UAS and of the accuracy on minimal pairs); mean curves over "
        "seeds",
        "above",
        1,
        capability_lag,
        steps=5,
        capability=True,
    ),
    _complexity_drops("6a", "intrinsic_dimension", "uas"),
    _complexity_drops("6b", "fisher_trace", "uas"),
    _complexity_drops("6c", "intrinsic_dimension", "accuracy"),
    _complexity_drops("6d", "fisher_trace", "accuracy"),
)
