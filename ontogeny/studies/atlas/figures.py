"""The figures of the atlas, each drawn from its tables alone."""

from collections.abc import Callable

from matplotlib.figure import Figure

from ontogeny.studies.atlas.map_figure import training_map
from ontogeny.studies.atlas.pair_figures import coincidence, order
from ontogeny.studies.atlas.timeline_figure import timeline

FIGURES: dict[str, Callable[..., Figure]] = {
    "timeline": timeline,
    "order": order,
    "coincidence": coincidence,
    "map": training_map,
}
