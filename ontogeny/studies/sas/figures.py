"""The figures of the study of syntactic attention, by the names of their files.

Each takes those of the study's tables that its declaration names, with the rows of one run, one
corpus and at most one suite of minimal pairs; `interventions` those of a baseline and its
interventions, and a label for each run, in the order to show. All are as wide as a page of text,
say what they can't show, and raise `TableError` if a table holds several corpora, suites or, but
for `interventions`, runs.
"""

from collections.abc import Callable

from matplotlib.figure import Figure

from ontogeny.studies.sas.attention_figure import attention
from ontogeny.studies.sas.intervention_figure import interventions
from ontogeny.studies.sas.relation_figures import heads, relations
from ontogeny.studies.sas.trajectory_figures import complexity, onsets

FIGURES: dict[str, Callable[..., Figure]] = {
    "onsets": onsets,
    "relations": relations,
    "heads": heads,
    "complexity": complexity,
    "attention": attention,
    "interventions": interventions,
}
