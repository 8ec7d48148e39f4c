"""The tables of the atlas, declared."""

from ontogeny.results.tables import RUN, Column, Metric, Table
from ontogeny.results.timeline import timeline_table

TIMELINE = timeline_table("atlas_timeline")

VERDICTS = ("together", "by chance", "always", "not always", "insufficient data")

ATLAS = Table(
    "atlas",
    keys=(
        RUN,
        Column("seed", "int", "a seed; null: of all seeds together", nullable=True),
        Column("other_seed", "int", "the seed that it is compared with", nullable=True),
        Column("milestone", "string", "a milestone, as figures name it", nullable=True),
        Column("other", "string", "the milestone that it is compared with", nullable=True),
    ),
    metrics=(
        Metric(
            "rank_correlation",
            "Spearman correlation of two seeds' steps over milestones; without seeds, the mean "
            "over pairs of seeds",
            "correlation",
            -1,
            1,
        ),
        Metric("coincidence", "share of seeds in which both come together", "share", 0, 1),
        Metric("precedence", "share of seeds in which the milestone comes first", "share", 0, 1),
    ),
    further=(
        Column("low", "float", "lower end of the 95% interval over seeds", nullable=True),
        Column("high", "float", "upper end", nullable=True),
        Column("expected", "float", "mean of a coincidence under permutation", nullable=True),
        Column("p", "float", "p value, corrected for all pairs of the run", nullable=True),
        Column("n", "int", "seeds, or of two seeds milestones, that the value rests on"),
        Column("verdict", "string", "what follows; null of correlations", nullable=True,
               values=VERDICTS),
    ),
)  # fmt: skip

STATISTICS = ("norm", "deviation", "kurtosis", "uneven_matrices", "varied_vectors")

STATES = Table(
    "atlas_states",
    keys=(
        RUN,
        Column("seed", "int", "seed of the trajectory; null: of all seeds", nullable=True),
        Column("step", "int", "step of the checkpoint", "updates", nullable=True),
        Column("states", "int", "states of the model", nullable=True),
        Column("state", "int", "a state, from 1 in order of first visits", nullable=True),
        Column(
            "other",
            "string",
            "statistic of the weights, or the state that follows",
            nullable=True,
        ),
    ),
    metrics=(
        Metric("state", "likeliest state of the checkpoint", "", 1),
        Metric("probability", "probability of that state", "", 0, 1),
        Metric("bic", "Bayesian information criterion of a model of so many states"),
        Metric("mean", "mean of a statistic in a state", "standard deviations from the mean"),
        Metric("transition", "probability that the state follows", "", 0, 1),
    ),
)
