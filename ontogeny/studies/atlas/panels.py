"""What the page shows of the atlas."""

from ontogeny.page.panels import Panel
from ontogeny.studies.atlas.tables import STATES, TIMELINE

PANELS = (
    Panel("Milestones", TIMELINE, "timeline", ("step",), series="milestone"),
    Panel("State of training, by the weights alone", STATES, "heatmap", ("state",), series="seed"),
)
