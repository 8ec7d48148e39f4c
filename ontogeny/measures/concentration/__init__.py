"""Concentration: how few units hold most of a vector, of activations and of gradients.

"Training dynamics of neural language models" (Saphra 2021), chapter 6.
"""

from ontogeny.measures.concentration.by_token import concentration_by_token
from ontogeny.measures.concentration.gradients import Reading, read
from ontogeny.measures.concentration.indices import INDICES, concentration, gini, hoyer
from ontogeny.measures.concentration.texts import Texts

__all__ = [
    "INDICES",
    "Reading",
    "Texts",
    "concentration",
    "concentration_by_token",
    "gini",
    "hoyer",
    "read",
]
