"""The studies, each in its own rooms. A new study is a folder beside these, and its line here."""

from ontogeny.planning.study import Study
from ontogeny.results.tables import Table
from ontogeny.studies.atlas.study import ATLAS
from ontogeny.studies.clones.study import CLONES
from ontogeny.studies.interdependence.study import INTERDEPENDENCE
from ontogeny.studies.pushdown.study import PUSHDOWN
from ontogeny.studies.sas.study import SAS
from ontogeny.studies.similarity.study import SIMILARITY
from ontogeny.studies.sparsity.study import SPARSITY
from ontogeny.studies.stages.study import STAGES
from ontogeny.studies.strategies.study import STRATEGIES

STUDIES: tuple[Study, ...] = (
    PUSHDOWN,
    STRATEGIES,
    SAS,
    SIMILARITY,
    INTERDEPENDENCE,
    SPARSITY,
    STAGES,
    CLONES,
    ATLAS,
)


def table(name: str) -> Table:
    """Return the declaration of a study's table by its name."""
    return next(
        joined.table for study in STUDIES for joined in study.tables if joined.table.name == name
    )
