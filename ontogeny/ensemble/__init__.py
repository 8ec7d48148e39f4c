"""Many models of one shape, trained or sampled in lockstep as a batch dimension.

A stack holds the parameters of many models, and gives their losses and gradients for a batch of
their own each: `ModuleStack` of any PyTorch module by `torch.func`, `BertStack` of BERTs, written
out and on a CPU in machine code. An optimiser (`AdamW`, `SGD`) updates them, and `LockstepTraining`
does that step after step. A member doesn't depend on the others: its parameters, its random numbers
and its fate are its own. A sampler wants only the parts: it takes `losses_and_gradients` and
updates `flat` itself.
"""

from ontogeny.ensemble.bert.architecture import Bert
from ontogeny.ensemble.bert.head import NO_LABEL
from ontogeny.ensemble.bert.objective import Batch, hidden_states, logits
from ontogeny.ensemble.bert.stack import BertStack
from ontogeny.ensemble.forgetting import Forgetting
from ontogeny.ensemble.many_models import Shared
from ontogeny.ensemble.modules import ModuleStack, additive_mask
from ontogeny.ensemble.optimisers import SGD, AdamW, Optimiser, decay_matrices_only
from ontogeny.ensemble.random_streams import normal, random_stream, uniform
from ontogeny.ensemble.stack import Stack
from ontogeny.ensemble.states import restore_state, save_state
from ontogeny.ensemble.training import LockstepTraining

__all__ = [
    "NO_LABEL",
    "SGD",
    "AdamW",
    "Batch",
    "Bert",
    "BertStack",
    "Forgetting",
    "LockstepTraining",
    "ModuleStack",
    "Optimiser",
    "Shared",
    "Stack",
    "additive_mask",
    "decay_matrices_only",
    "hidden_states",
    "logits",
    "normal",
    "random_stream",
    "restore_state",
    "save_state",
    "uniform",
]
