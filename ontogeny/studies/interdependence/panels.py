"""What the page shows of the study of interdependence."""

from ontogeny.page.panels import Panel
from ontogeny.studies.interdependence.tables import INTERDEPENDENCE, WORD_CLASSES

RULE = ("setting", "rule_count", "domain")

PANELS = (
    Panel(
        "Interdependence of two words by their distance, at this step",
        INTERDEPENDENCE,
        "profile",
        ("interdependence",),
        series="word_class",
        across="sequential_distance",
        choices=("corpus", "layer"),
        keep={"word_class": WORD_CLASSES, "syntactic_distance": None},
    ),
    Panel(
        "The same by the tree's distance",
        INTERDEPENDENCE,
        "profile",
        ("interdependence",),
        series="word_class",
        across="syntactic_distance",
        choices=("corpus", "layer", "sequential_distance"),
        keep={"word_class": WORD_CLASSES},
    ),
    Panel(
        "Probability of a learned rule's end",
        INTERDEPENDENCE,
        "curves",
        ("omega_probability",),
        series="focus",
        choices=("scaffold_length", *RULE),
        keep={"prefix": None},
    ),
    Panel(
        "Gradients of a learned rule by distance, at this step",
        INTERDEPENDENCE,
        "profile",
        ("gradient_norm",),
        series="setting",
        across="sequential_distance",
        choices=("scaffold_length", "rule_count", "domain"),
    ),
)
