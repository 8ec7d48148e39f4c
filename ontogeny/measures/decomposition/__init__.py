"""What words contribute to the states of a model, alone and together."""

from ontogeny.measures.decomposition.contextual import decompose
from ontogeny.measures.decomposition.interdependence import interdependence, pair_interdependence
from ontogeny.measures.decomposition.layers import RecurrentLayer, recurrent_layers

__all__ = [
    "RecurrentLayer",
    "decompose",
    "interdependence",
    "pair_interdependence",
    "recurrent_layers",
]
