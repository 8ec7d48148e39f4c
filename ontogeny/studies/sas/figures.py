"""The figures of the study of syntactic attention, drawn from its tables alone.

Those of FIGURES show one run: they take the tables SAS, ONSETS and ATTENTION
(`ontogeny.studies.sas.tables`) with the rows of one run, one corpus and at most one suite of minimal pairs.
Those of COMPARISONS show a baseline and its interventions on one corpus: they take SAS and ONSETS
with the rows of these runs, and a label for each run, in the order to show. All are as wide as a
page of text, say what they can't show, and raise `TableError` if a table holds several corpora,
suites or, in FIGURES, runs.
"""

from collections.abc import Callable, Mapping

import pandas as pd
from matplotlib.figure import Figure

from ontogeny.studies.sas.attention_figure import attention
from ontogeny.studies.sas.intervention_figure import interventions
from ontogeny.studies.sas.relation_figures import heads, relations
from ontogeny.studies.sas.trajectory_figures import complexity, onsets

# The study's figures by the names of their files.
FIGURES: dict[str, Callable[[pd.DataFrame, pd.DataFrame, pd.DataFrame], Figure]] = {
    "onsets": onsets,
    "relations": relations,
    "heads": heads,
    "complexity": complexity,
    "attention": attention,
}
COMPARISONS: dict[str, Callable[[pd.DataFrame, pd.DataFrame, Mapping[str, str]], Figure]] = {
    "interventions": interventions,
}
