"""What the page shows of runs that are trained here."""

from ontogeny.page.panels import Panel
from ontogeny.runs.tables import LOSS

PANELS = (Panel("Loss", LOSS, "curves", ("dev_loss", "train_loss"), series="metric"),)
