"""What the page shows of the study of clones."""

from ontogeny.page.panels import Panel
from ontogeny.studies.clones.tables import CLONES

ORIGINAL = "original"

PANELS = (
    Panel(
        "Loss on clones, over the original's or as it is",
        CLONES,
        "curves",
        ("loss_ratio", "loss", "accuracy"),
        series="sampler",
        choices=("corpus", "metric", "sweeps"),
        keep={"part": "text"},
        null=ORIGINAL,
    ),
    Panel(
        "Loss by the sampler of the text, at this step",
        CLONES,
        "profile",
        ("loss", "accuracy"),
        series="sweeps",
        across="sampler",
        choices=("corpus", "metric"),
        keep={"part": "text"},
        null=ORIGINAL,
    ),
    Panel(
        "Loss on a Hamiltonian's sequences, by depth",
        CLONES,
        "curves",
        ("loss",),
        series="layers",
        choices=("corpus",),
        keep={"part": "hamiltonian"},
    ),
    Panel(
        "Mean squared displacement of its layers",
        CLONES,
        "curves",
        ("displacement",),
        series="layer",
        choices=("corpus", "layers"),
        keep={"part": "hamiltonian"},
    ),
)
