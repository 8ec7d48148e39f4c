"""The tables of the strategies study, declared."""

from collections.abc import Iterable

import pandas as pd

from ontogeny.results.tables import SEED, STEP, Column, Metric, Table
from ontogeny.studies.strategies.conditions import FORGETTING, SUBSETS, Member

KEYS = (
    Column(
        "distribution",
        "string",
        "law that the tokens of a class are drawn from",
        values=("uniform", "zipf"),
    ),
    Column("alpha", "float", "exponent of Zipf's law; 0 for the uniform one"),
    Column("vocabulary", "int", "content tokens, half nouns and half adjectives", "tokens"),
    Column("ambiguity", "float", "share of types that are ambiguous, or of draws that switch"),
    Column(
        "forgetting",
        "string",
        "whether token embeddings were drawn anew every so often: never, always, or for a while",
        values=FORGETTING,
    ),
    SEED,
)
CONDITION = tuple(key.name for key in KEYS if key.name != "seed")

STRATEGIES = Table(
    "strategies",
    keys=(
        *KEYS,
        STEP,
        Column(
            "layer",
            "int",
            "layer that a probe reads: 0 = embeddings, then the transformer's layers; null for "
            "what is measured on the model's answers",
            nullable=True,
        ),
        Column("subset", "string", "evaluation set", values=SUBSETS),
    ),
    metrics=(
        Metric(
            "accuracy", "share of sequences of which all three answers are right", "share", 0, 1
        ),
        Metric(
            "forced_choice",
            "share of sequences of which, at all three answers, the right one of the sentence's "
            "two content tokens is the more probable of them",
            "share",
            0,
            1,
        ),
        Metric("loss", "mean cross-entropy over the three answers", "nats", 0),
        Metric(
            "probe_accuracy",
            "share of sequences of which a linear probe at the query tells noun from adjective; "
            "the query is of a type that the probe was trained on",
            "share",
            0,
            1,
        ),
        Metric(
            "probe_accuracy_new_types",
            "the same where the query is of a type that the probe was not trained on",
            "share",
            0,
            1,
        ),
    ),
)

EMBEDDINGS = Table(
    "strategies_embeddings",
    keys=(*KEYS, STEP, Column("token", "int", "number of the token in the task's vocabulary")),
    metrics=(
        Metric("component_1", "place on the first principal axis of this step's embeddings", ""),
        Metric("component_2", "place on the second", ""),
    ),
    further=(
        Column("word_class", "string", "class of the token", values=("noun", "adjective")),
        Column("rank", "int", "place in the class by frequency, the most frequent being 1"),
        Column(
            "switch", "float", "probability with which the token's rank is used in the other role"
        ),
    ),
)


def absent(table: pd.DataFrame, members: Iterable[Member]) -> list[Member]:
    """Return those of a sweep's members that the table STRATEGIES has no rows of."""
    names = [key.name for key in KEYS]
    found = set(table[names].itertuples(index=False, name=None))
    return [m for m in members if tuple(m.keys()[name] for name in names) not in found]
