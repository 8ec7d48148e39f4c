"""What the page shows of the study of similarity."""

from ontogeny.page.panels import Panel
from ontogeny.studies.similarity.tables import MEASURES, PRIMARY, SIMILARITY

PANELS = (
    Panel(
        "Layers and their final states",
        SIMILARITY,
        "heatmap",
        MEASURES,
        series="layer",
        choices=("corpus", "other", "metric"),
        keep={"other": ("own_final", "seed_final", "chance")},
    ),
    Panel(
        "Layers and a tagger",
        SIMILARITY,
        "curves",
        (PRIMARY,),
        series="layer",
        task="tagset",
        choices=("corpus", "domain", "tagging", "shuffled", "other_layer"),
        keep={"other": "tagger"},
    ),
    Panel(
        "Diagnostic classifiers by layer, at this step",
        SIMILARITY,
        "profile",
        ("accuracy",),
        series="tagset",
        across="layer",
        choices=("corpus", "tagging"),
        keep={"other": "diagnostic"},
    ),
    Panel(
        "Layers among each other, at this step",
        SIMILARITY,
        "profile",
        (PRIMARY, "linear_cka"),
        series="layer",
        across="other_layer",
        choices=("corpus", "metric"),
        keep={"other": "layer"},
    ),
)
