"""The tables of the study of syntactic attention, declared."""

from ontogeny.results.tables import RUN, SEED, STEP, Column, Metric, Table

# From each word to the word it attends to most; and from each word to the one that attends to it
# most.
DIRECTIONS = ("dependent_to_head", "head_to_dependent")

RELATION = Column(
    "relation",
    "string",
    "dependency relation; null for all words together, and where there is none",
    nullable=True,
)
MEASURED_ON = Column(
    "corpus",
    "string",
    "corpus whose test sentences were read, or suite of minimal pairs",
)

SAS = Table(
    "sas",
    keys=(
        RUN,
        MEASURED_ON,
        SEED,
        STEP,
        RELATION,
        Column(
            "layer",
            "int",
            "layer: 0 = embeddings, then the transformer's layers, of which attention is counted "
            "from 1; null where the metric has none",
            nullable=True,
        ),
        Column("head", "int", "head of attention in its layer, counted from 1", nullable=True),
        Column(
            "direction",
            "string",
            "which way a head's attention is read",
            nullable=True,
            values=DIRECTIONS,
        ),
        Column("field", "string", "field of grammar that a paradigm is part of", nullable=True),
        Column("paradigm", "string", "paradigm of minimal pairs", nullable=True),
    ),
    metrics=(
        Metric(
            "uas",
            "share of words whose syntactic head is the other word most attended to, by the best "
            "head and direction of the word's relation, which layer, head and direction name; "
            "relation null: over all words, each by the best of its relation",
            "share",
            0,
            1,
        ),
        Metric(
            "uas_held_out",
            "the same with the heads chosen on one half of the sentences and scored on the other",
            "share",
            0,
            1,
        ),
        Metric(
            "uas_frequent",
            "the same as uas over the words of relations that have at least 100 of them",
            "share",
            0,
            1,
        ),
        Metric(
            "uas_single_head",
            "the same for the one head and direction that finds most over all words but roots, "
            "punctuation included, which layer, head and direction name",
            "share",
            0,
            1,
        ),
        Metric("head_uas", "the same for one head and direction", "share", 0, 1),
        Metric(
            "offset_uas",
            "share of words whose syntactic head stands at the best fixed distance for the "
            "relation, which offset names",
            "share",
            0,
            1,
        ),
        Metric(
            "edge_mass", "mean attention on the edge between a word and its head", "share", 0, 1
        ),
        Metric(
            "attention_between_words",
            "what a word gives of its attention to other words, summed over layers and heads; mean "
            "over words",
            "heads",
            0,
        ),
        Metric("loss", "mean cross-entropy on held-out text, each prediction", "nats", 0),
        Metric(
            "minimal_pair_accuracy",
            "share of minimal pairs of which the good sentence is found likelier; for a field and "
            "overall (both null) the mean over paradigms",
            "share",
            0,
            1,
        ),
        Metric(
            "intrinsic_dimension",
            "TwoNN estimate of the dimension of a layer's word vectors",
            "dimensions",
            0,
        ),
        Metric(
            "fisher_trace",
            "mean squared norm of the gradient of a prediction's log probability, the prediction "
            "drawn from the model several times",
            "",
            0,
        ),
        Metric(
            "fisher_trace_error",
            "its standard error, as far as it comes from drawing predictions; n counts draws",
            "",
            0,
        ),
        Metric("weight_norm", "Euclidean norm of all parameters", "", 0),
    ),
    further=(
        Column("offset", "int", "distance to the head, positive to the right", nullable=True),
        Column(
            "n", "int", "words, predictions, pairs or vectors that the value counts", nullable=True
        ),
    ),
)

ONSETS = Table(
    "sas_onsets",
    keys=(
        RUN,
        MEASURED_ON,
        Column("seed", "int", "seed of the trajectory; null: mean over all seeds", nullable=True),
    ),
    metrics=(
        Metric(
            "structure_rise",
            "uas at the last checkpoint less that at the first; there is no onset unless its "
            "interval lies above 0",
            "share",
            -1,
            1,
        ),
        Metric(
            "structure_onset",
            "step at which uas accelerates most in log step, by the logistic curve fitted to it",
            "updates",
            0,
        ),
        Metric("capability_rise", "the same of the accuracy on minimal pairs", "share", -1, 1),
        Metric("capability_onset", "the same of the accuracy on minimal pairs", "updates", 0),
        Metric("loss_drop", "step at which the loss falls most steeply in log step", "updates", 0),
        Metric(
            "loss_drop_begins",
            "first step of the window around it in which the loss falls at least half as steeply",
            "updates",
            0,
        ),
        Metric("loss_drop_ends", "last step of that window", "updates", 0),
        Metric(
            "structure_change_point",
            "second opinion on structure_onset: first of two bends of a piecewise linear fit",
            "updates",
            0,
        ),
        Metric("capability_change_point", "the same for capability_onset", "updates", 0),
    ),
    further=(
        Column(
            "low",
            "float",
            "lower end of the 95% bootstrap interval: over sentences for one seed, over seeds and "
            "sentences for all; null where there is none",
            nullable=True,
        ),
        Column("high", "float", "upper end", nullable=True),
    ),
)

ATTENTION = Table(
    "sas_attention",
    keys=(
        RUN,
        Column("corpus", "string", "corpus of the sentence"),
        SEED,
        STEP,
        Column("from", "int", "word that attends, counted from 1"),
        Column("to", "int", "word that is attended to, counted from 1"),
    ),
    metrics=(
        Metric("attention", "attention between the two words, special tokens left out", "", 0, 1),
    ),
    further=(
        Column("relation", "string", "relation for which the head is the best at the last step"),
        Column("layer", "int", "layer of the head, counted from 1"),
        Column("head", "int", "head of attention in its layer, counted from 1"),
        Column("direction", "string", "which way it is read", values=DIRECTIONS),
        Column("from_word", "string", "the word that attends"),
        Column("to_word", "string", "the word that is attended to"),
        Column("gold_head", "int", "syntactic head of the word that attends; 0 = root"),
        Column("gold_relation", "string", "its relation to that head"),
    ),
)

# A row for each test sentence and checkpoint, and for each minimal pair and checkpoint, from which
# the bootstrap draws. Not results tables: they lie beside the measurements, with these columns.
# `edges` words of the sentence are scored; uas, uas_held_out and offset_uas are sums over them, as
# `loss` (nats) is over `predictions`. `correct` is 0, 0.5 or 1.
SENTENCE_COLUMNS = (
    "run",
    "corpus",
    "seed",
    "step",
    "sentence",
    "edges",
    "uas",
    "uas_held_out",
    "offset_uas",
    "loss",
    "predictions",
)
PAIR_COLUMNS = ("run", "corpus", "seed", "step", "field", "paradigm", "pair", "correct")

TABLES = {table.name: table for table in (SAS, ONSETS, ATTENTION)}
