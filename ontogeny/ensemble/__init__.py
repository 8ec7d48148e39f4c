"""Many models of one architecture, trained in lockstep as a batch dimension.

A `Stack` holds the parameters of many BERTs, `losses_and_gradients` runs them on a `Batch` of their
own each, `AdamW` updates them, and `LockstepTraining` does that step after step. A member doesn't
depend on the others: its parameters, its random numbers and its fate are its own. A sampler, which
wants only the parts, takes `losses_and_gradients` and updates `Stack.flat` itself.
"""

from ontogeny.ensemble.architecture import Bert
from ontogeny.ensemble.head import NO_LABEL
from ontogeny.ensemble.objective import (
    Batch,
    hidden_states,
    logits,
    losses,
    losses_and_gradients,
)
from ontogeny.ensemble.optimiser import AdamW, decay_matrices_only
from ontogeny.ensemble.random_streams import normal, random_stream, uniform
from ontogeny.ensemble.stack import Stack
from ontogeny.ensemble.states import restore_state, save_state
from ontogeny.ensemble.training import Forgetting, LockstepTraining

__all__ = [
    "NO_LABEL",
    "AdamW",
    "Batch",
    "Bert",
    "Forgetting",
    "LockstepTraining",
    "Stack",
    "decay_matrices_only",
    "hidden_states",
    "logits",
    "losses",
    "losses_and_gradients",
    "normal",
    "random_stream",
    "restore_state",
    "save_state",
    "uniform",
]
