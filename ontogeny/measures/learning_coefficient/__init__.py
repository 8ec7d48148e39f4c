"""The local learning coefficient: how singular the loss is around a checkpoint.

`sampling` runs the chains, `estimates` makes coefficients of their losses, `diagnostics` says
whether they can be trusted, and `calibration` chooses step size and localisation by a sweep.
"""

from ontogeny.measures.learning_coefficient.calibration import Calibration, calibrate
from ontogeny.measures.learning_coefficient.estimates import (
    Estimates,
    check_draws,
    default_inverse_temperature,
    estimate,
)
from ontogeny.measures.learning_coefficient.examples import Examples
from ontogeny.measures.learning_coefficient.sampling import Condition, Traces, sample

__all__ = [
    "Calibration",
    "Condition",
    "Estimates",
    "Examples",
    "Traces",
    "calibrate",
    "check_draws",
    "default_inverse_temperature",
    "estimate",
    "sample",
]
