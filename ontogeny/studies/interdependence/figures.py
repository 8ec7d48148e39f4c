"""The figures of the study of interdependence, each drawn from its table alone."""

from collections.abc import Callable

from matplotlib.figure import Figure

from ontogeny.studies.interdependence.distances_figure import distances
from ontogeny.studies.interdependence.rule_figures import counts, gradients, prefix, rule

FIGURES: dict[str, Callable[..., Figure]] = {
    "distances": distances,
    "rule": rule,
    "prefix": prefix,
    "counts": counts,
    "gradients": gradients,
}
