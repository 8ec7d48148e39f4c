"""How likely a language model finds text: losses, (pseudo-)log-likelihoods, minimal pairs."""

from ontogeny.measures.likelihood.causal import log_likelihood
from ontogeny.measures.likelihood.held_out import held_out_loss
from ontogeny.measures.likelihood.minimal_pairs import (
    accuracy,
    read_minimal_pairs,
    score_minimal_pairs,
)
from ontogeny.measures.likelihood.pseudo import pseudo_log_likelihood

__all__ = [
    "accuracy",
    "held_out_loss",
    "log_likelihood",
    "pseudo_log_likelihood",
    "read_minimal_pairs",
    "score_minimal_pairs",
]
