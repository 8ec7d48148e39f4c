"""How similar the representations of two layers are: measures of whole matrices of activations.

`Moments` take the words of some layers block by block and give their principal axes; then
`Correlations` take the same words again, of two sets of layers, and give how each pair correlates.
All measures but representational similarity are made from that: SVCCA, PWCCA, linear CKA.
"""

from ontogeny.measures.similarity.canonical import (
    canonical_correlations,
    mean_correlation,
    pwcca,
    svcca,
)
from ontogeny.measures.similarity.correlations import Correlations, Cross
from ontogeny.measures.similarity.kernels import (
    distance_ranks,
    linear_cka,
    rank_correlation,
    representational_similarity,
    unbiased_cka,
)
from ontogeny.measures.similarity.moments import Moments, Principal

__all__ = [
    "Correlations",
    "Cross",
    "Moments",
    "Principal",
    "canonical_correlations",
    "distance_ranks",
    "linear_cka",
    "mean_correlation",
    "pwcca",
    "rank_correlation",
    "representational_similarity",
    "svcca",
    "unbiased_cka",
]
