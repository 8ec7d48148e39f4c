"""What the page shows of the study of norms."""

from ontogeny.studies.norms.tables import NORMS

from ontogeny.page.panels import Panel

PANELS = (Panel("Norm of the weights", NORMS, "curves", ("weight_norm",), series="seed"),)
