"""The table of the study of norms, declared."""

from ontogeny.results.tables import RUN, SEED, STEP, Metric, Table

NORMS = Table(
    "norms",
    keys=(RUN, SEED, STEP),
    metrics=(Metric("weight_norm", "Euclidean norm of all parameters", "", 0),),
)
