"""How complex a model is: dimension of its representations, Fisher information, weight norm."""

from ontogeny.measures.complexity.fisher import fisher_trace, fisher_traces
from ontogeny.measures.complexity.intrinsic_dimension import intrinsic_dimension
from ontogeny.measures.complexity.weight_norm import weight_norm

__all__ = ["fisher_trace", "fisher_traces", "intrinsic_dimension", "weight_norm"]
