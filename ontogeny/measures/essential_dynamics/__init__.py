"""Essential dynamics: a training run as a curve through the space of functions.

The outputs on a fixed batch at each checkpoint are a point; principal components make the curve of
these points one of a few dimensions (`components`), which is smoothed in log step (`smoothing`);
where it turns is told by its curvature, its osculating circles and the cusps of their centres
(`curvature`); a form is a centre that several projections agree on (`forms`). After the publication
"Stagewise Development in Neural Networks" (Hoogland et al. 2024), section "Essential Dynamics".
"""

from ontogeny.measures.essential_dynamics.components import (
    Components,
    gram_matrix,
    lift,
    principal_components,
)
from ontogeny.measures.essential_dynamics.curvature import Turning, turning, vertices
from ontogeny.measures.essential_dynamics.forms import Form, find_forms
from ontogeny.measures.essential_dynamics.smoothing import Smoothed, log_steps, smooth

__all__ = [
    "Components",
    "Form",
    "Smoothed",
    "Turning",
    "find_forms",
    "gram_matrix",
    "lift",
    "log_steps",
    "principal_components",
    "smooth",
    "turning",
    "vertices",
]
