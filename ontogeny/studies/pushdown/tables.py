"""The tables of the push-down study, declared."""

import numpy as np
import pandas as pd

from ontogeny.corpora.tasks import TASKS
from ontogeny.results.tables import RUN, SEED, STEP, Column, Metric, Table

SUBSETS = ("all", "seen", "unseen", "ambiguous")
MIGRATION_SUBSETS = ("all", "seen", "unseen")  # those whose answers are kept sentence by sentence

CORPUS = Column("corpus", "string", "corpus whose words were probed")
LAYER = Column("layer", "int", "0 = embeddings, then the transformer's layers, bottom first")
TASK = Column("task", "string", "what the probe had to tell", values=TASKS)
SUBSET = Column(
    "subset",
    "string",
    "test words counted: all; of a type seen in, or absent from, the probe's training words; of a "
    "type that bears several gold labels there",
    values=SUBSETS,
)

# The metric in which a task's migration is measured, and the answer without representations that
# it is held against.
PRIMARY_METRIC = {
    **{task: "accuracy" for task in TASKS},  # noqa: C420 - the two trees differ, below
    "tree_depth": "root_accuracy",
    "tree_distance": "uuas",
}
BASELINE_METRIC = {
    "accuracy": "majority_accuracy",
    "root_accuracy": "baseline_root_accuracy",
    "uuas": "baseline_uuas",
}

PUSHDOWN = Table(
    "pushdown",
    keys=(RUN, CORPUS, SEED, STEP, LAYER, TASK, SUBSET),
    metrics=(
        Metric("accuracy", "share of test words that the probe labels right", "share", 0, 1),
        Metric(
            "majority_accuracy",
            "share of test words that bear the label most frequent in the probe's training words",
            "share",
            0,
            1,
        ),
        Metric(
            "control_accuracy",
            "accuracy of a probe on the control task, in which each word type has a fixed random "
            "label (Hewitt and Liang 2019)",
            "share",
            0,
            1,
        ),
        Metric("selectivity", "accuracy minus control_accuracy", "share", -1, 1),
        Metric(
            "uuas",
            "share of gold edges, punctuation left out, in the minimum spanning tree of predicted "
            "distances (Hewitt and Manning 2019)",
            "share",
            0,
            1,
        ),
        Metric("baseline_uuas", "the same when each word is joined to the next", "share", 0, 1),
        Metric(
            "distance_spearman",
            "Spearman correlation of a word's predicted and gold distances to the other words, "
            "averaged over the words of a sentence, then over sentences of each length from 5 to "
            "50, then over lengths (a word's distance to itself, which the publication's code "
            "counts, is left out: chance is 0)",
            "correlation",
            -1,
            1,
        ),
        Metric(
            "root_accuracy",
            "share of sentences whose root, punctuation left out, has the least predicted depth",
            "share",
            0,
            1,
        ),
        Metric(
            "baseline_root_accuracy",
            "the same for the position, counted from the left, that is the root of most of the "
            "probe's training sentences",
            "share",
            0,
            1,
        ),
        Metric(
            "depth_spearman",
            "Spearman correlation of predicted and gold depths, averaged as distance_spearman",
            "correlation",
            -1,
            1,
        ),
    ),
    further=(
        Column("n", "int", "test words, or for trees edges or sentences, that the value counts"),
    ),
)

# One row for each test sentence, from which the bootstrap draws sentences. Not a results table:
# it lies beside the measurements, in parquet, with these columns and types. A run of paper size has
# tens of millions of rows, so the types are no wider than they need be.
ANSWER_TYPES: dict[str, np.dtype | pd.CategoricalDtype] = {
    "step": np.dtype(np.int64),
    "layer": np.dtype(np.int16),
    "task": pd.CategoricalDtype(list(TASKS)),
    "subset": pd.CategoricalDtype(list(MIGRATION_SUBSETS)),
    "sentence": np.dtype(np.int32),
    "correct": np.dtype(np.int32),
    "n": np.dtype(np.int32),
}

MIGRATION = Table(
    "pushdown_migration",
    keys=(
        RUN,
        CORPUS,
        Column("seed", "int", "seed of the trajectory; null: mean over all seeds", nullable=True),
        Column("step", "int", "step of the checkpoint, where the metric has one", nullable=True),
        Column("layer", "int", "layer, where the metric has one", nullable=True),
        TASK,
        SUBSET,
    ),
    metrics=(
        Metric(
            "shallowest_sufficient_layer",
            "lowest layer at this step that reaches the configured share of the way from the "
            "baseline to the best value over all layers and steps; no row where none does",
            "layer",
            0,
        ),
        Metric(
            "expected_layer",
            "centre of gravity of the layer-wise gains at this step (Tenney, Das and Pavlick "
            "2019); no row where no layer gains",
            "layer",
            0,
        ),
        Metric(
            "arrival_step",
            "first step at which this layer is sufficient; no row where it never is; over seeds, "
            "the mean of log(step + 1) turned back into a step",
            "updates",
            0,
        ),
        Metric(
            "shallowest_sufficient_layer_correlation",
            "Spearman correlation of shallowest_sufficient_layer with log step, over the steps "
            "that have one; no row where those are fewer than three or it stays the same",
            "correlation",
            -1,
            1,
        ),
        Metric(
            "expected_layer_correlation",
            "Spearman correlation of expected_layer with log step, over the steps that have one; "
            "no row where those are fewer than three or it stays the same",
            "correlation",
            -1,
            1,
        ),
        Metric(
            "migration_depth",
            "mean over the schedule's steps of shallowest_sufficient_layer, counted as one more "
            "than the last layer where no layer suffices: low for what migrates early and far",
            "layer",
            0,
        ),
        Metric(
            "migration_rank",
            "place of the task in the order of migration_depth, the first being 1; tied tasks "
            "share the mean of their places",
            "",
            1,
        ),
    ),
    further=(
        Column(
            "low",
            "float",
            "lower end of the 95% bootstrap interval: over sentences for one seed, over seeds and "
            "sentences for all (sentences alone where the run has a single seed)",
            nullable=True,
        ),
        Column(
            "high",
            "float",
            "upper end; null where it lies beyond the last layer or step, as low then may",
            nullable=True,
        ),
    ),
)
