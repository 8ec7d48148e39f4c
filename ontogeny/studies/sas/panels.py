"""What the page shows of the study of syntactic attention."""

from ontogeny.page.panels import Panel
from ontogeny.studies.sas.tables import SAS

PANELS = (
    Panel(
        "Implicit parse, beside the best fixed offsets",
        SAS,
        "curves",
        ("uas", "uas_held_out", "uas_single_head", "offset_uas"),
        series="metric",
        choices=("corpus",),
        keep={"relation": None},
    ),
    Panel(
        "Minimal pairs, by field of grammar",
        SAS,
        "curves",
        ("minimal_pair_accuracy",),
        series="field",
        null="all",
        choices=("corpus",),
    ),
    Panel(
        "Best heads, by relation",
        SAS,
        "heatmap",
        ("uas", "uas_held_out", "offset_uas"),
        series="relation",
        null="all words",
        choices=("corpus", "metric"),
    ),
    Panel(
        "Single heads, at this step",
        SAS,
        "profile",
        ("head_uas", "edge_mass"),
        series="head",
        across="layer",
        choices=("corpus", "metric", "direction", "relation"),
    ),
    Panel(
        "Loss and complexity",
        SAS,
        "curves",
        ("loss", "intrinsic_dimension", "fisher_trace", "weight_norm"),
        series="layer",
        null="whole model",
        choices=("corpus", "metric"),
    ),
)
