"""The claims about what interventions in syntactic attention bring.

What suppression brings is that along syntactic edges less that along random ones; what promotion
brings, less the baseline. A claim holds if any of several runs of its kind bears it out, and so the
level of each one's interval is not 95% but 1 - 0.05 / (number of these runs) (Bonferroni).
"""

from functools import partial

from ontogeny.results.claims import Estimate
from ontogeny.studies.sas.declared_claim import claim
from ontogeny.studies.sas.evidence import Evidence
from ontogeny.studies.sas.interventions import Kind
from ontogeny.studies.sas.outcome_statistics import (
    correlation_over_seeds,
    final_gain,
    gain_over_control,
    lasts_past_onset,
    onset_shift,
    share_of_rise,
)

_PAIRED = "mean over seeds, paired, at a level for all runs of the kind (Bonferroni)"
_RANDOM = "that of the same suppression along random edges"
_ATTENTIVE = "no verdict where attention between words falls below half the baseline's"
_SUPPRESSED: tuple[Kind, ...] = ("suppressed",)
_PROMOTED: tuple[Kind, ...] = ("promoted",)
_ON_SUPPRESSION = "on suppression throughout training"
_ON_PROMOTION = "on promotion throughout training"
_ON_STAGES = "on suppression in stages of training"


def _brief(data: Evidence, threshold: float) -> Estimate | None:
    return None if lasts_past_onset(data) else gain_over_control(data, threshold, "loss")


def _long_or_late(data: Evidence, threshold: float) -> Estimate | None:
    return gain_over_control(data, threshold, "loss") if lasts_past_onset(data) else None


OUTCOME_CLAIMS = (
    claim(
        "3a",
        _SUPPRESSED,
        "With syntactic attention suppressed throughout, attention doesn't turn syntactic.",
        _ON_SUPPRESSION,
        f"rise of held-out UAS from the first checkpoint to the last, less {_RANDOM}, as a share "
        f"of the baseline's; {_PAIRED}; {_ATTENTIVE}",
        "below",
        -0.25,
        share_of_rise,
        steps=2,
        seeds=3,
    ),
    claim(
        "3b",
        _SUPPRESSED,
        "Without syntactic attention, grammatical capability ends lower.",
        "abstract",
        f"accuracy on minimal pairs at the last checkpoint, less {_RANDOM}; {_PAIRED}; "
        f"{_ATTENTIVE}",
        "below",
        0,
        partial(gain_over_control, name="accuracy", attentive=True),
        steps=1,
        seeds=3,
        capability=True,
    ),
    claim(
        "3c",
        _SUPPRESSED,
        "With syntactic attention suppressed throughout, the language model ends worse.",
        _ON_SUPPRESSION,
        f"held-out loss at the last checkpoint, less {_RANDOM}, in nats; {_PAIRED}",
        "above",
        0,
        partial(gain_over_control, name="loss"),
        steps=1,
        seeds=3,
    ),
    claim(
        "4a",
        _PROMOTED,
        "Promoted throughout, attention ends more syntactic than without.",
        _ON_PROMOTION,
        f"held-out UAS at the last checkpoint, less the baseline's; {_PAIRED}",
        "above",
        0,
        partial(final_gain, name="uas_held_out"),
        steps=1,
        seeds=3,
    ),
    claim(
        "4b",
        _PROMOTED,
        "More syntactic attention doesn't make a better language model.",
        _ON_PROMOTION,
        "held-out loss at the last checkpoint, less the baseline's, as a share of the baseline's; "
        f"{_PAIRED}",
        "above",
        -0.01,
        partial(final_gain, name="loss", relative=True),
        steps=1,
        seeds=3,
    ),
    claim(
        "4c",
        _PROMOTED,
        "More syntactic attention doesn't bring more grammatical capability.",
        _ON_PROMOTION,
        f"accuracy on minimal pairs at the last checkpoint, less the baseline's; {_PAIRED}",
        "below",
        0.01,
        partial(final_gain, name="accuracy"),
        steps=1,
        seeds=3,
        capability=True,
    ),
    claim(
        "4d",
        _PROMOTED,
        "Promoted throughout, attention turns syntactic earlier.",
        _ON_PROMOTION,
        "doublings of the step from the baseline's structure onset to that of the run; mean curves "
        "over seeds",
        "below",
        0,
        partial(onset_shift, name="uas"),
        steps=5,
        seeds=3,
    ),
    claim(
        "4e",
        _PROMOTED,
        "With syntactic attention promoted throughout, grammatical capability sets in earlier.",
        _ON_PROMOTION,
        "doublings of the step from the baseline's capability onset to that of the run; mean "
        "curves over seeds",
        "below",
        0,
        partial(onset_shift, name="accuracy"),
        steps=5,
        seeds=3,
        capability=True,
    ),
    claim(
        "5a",
        ("suppressed early",),
        "Brief suppression of syntactic attention early in training lowers the final loss.",
        "abstract",
        "held-out loss at the last checkpoint of runs suppressed until the baseline's structure "
        f"onset at most (half a doubling past it is still so), less {_RANDOM}, in nats; {_PAIRED}",
        "below",
        0,
        _brief,
        steps=1,
        seeds=6,
    ),
    claim(
        "5b",
        ("suppressed early", "suppressed late"),
        "Suppression of syntactic attention for long, or late in training, raises the final loss.",
        _ON_STAGES,
        "held-out loss at the last checkpoint of runs suppressed after the baseline's structure "
        f"onset too, less {_RANDOM}, in nats; {_PAIRED}",
        "above",
        0,
        _long_or_late,
        steps=1,
        seeds=6,
    ),
    claim(
        "7a",
        ("none",),
        "Over seeds, how syntactic attention is says nothing about how good the language model is.",
        "on variation over seeds",
        "size of the rank correlation over seeds of held-out UAS with held-out loss, both at the "
        "last checkpoint",
        "below",
        0.5,
        partial(correlation_over_seeds, name="loss"),
        steps=1,
        seeds=6,
    ),
    claim(
        "7b",
        ("none",),
        "Over seeds, how syntactic attention is says nothing about grammatical capability.",
        "on variation over seeds",
        "size of the rank correlation over seeds of held-out UAS with accuracy on minimal pairs, "
        "both at the last checkpoint",
        "below",
        0.5,
        partial(correlation_over_seeds, name="accuracy"),
        steps=1,
        seeds=6,
        capability=True,
    ),
)
