"""The tables of the study of sparsity, declared."""

from ontogeny.results.tables import RUN, SEED, STEP, Column, Metric, Table

CLASSES = ("all", "open", "closed", "open_matched", "closed_matched")
ROLES = ("input", "target")
CORPUS = Column("corpus", "string", "corpus whose test sentences were read")

SPARSITY = Table(
    "sparsity",
    keys=(
        RUN,
        CORPUS,
        SEED,
        STEP,
        Column(
            "site",
            "string",
            "where: embeddings, a recurrent layer, a transformer's residual stream, the logits, or "
            "the attention of a layer",
            values=("embedding", "recurrent", "residual", "logits", "attention"),
        ),
        Column("layer", "int", "layer, 0 = embeddings; null at the logits", nullable=True),
        Column("quantity", "string", "of what", values=("activation", "gradient")),
        Column(
            "measure",
            "string",
            "index: chi = l2 / l1 norm, Hoyer's, Gini's, or the l1 norm; of attention its entropy "
            "over the largest it could be",
            values=("chi", "hoyer", "gini", "l1", "entropy"),
        ),
        Column("role", "string", "whether a word is read there or predicted there", values=ROLES),
        Column(
            "word_class",
            "string",
            "which words: all, of open or closed classes, or samples of these of matched frequency",
            values=CLASSES,
        ),
    ),
    metrics=(
        Metric(
            "rho",
            "Pearson correlation, over words, of a word's mean of the measure with its frequency "
            "in the training text",
            "",
            -1,
            1,
        ),
        Metric("rank_correlation", "the same by ranks (Spearman)", "", -1, 1),
        Metric("mean", "mean over words of a word's mean of the measure", "as the measure"),
    ),
    further=(Column("n", "int", "words that the value is computed from"),),
)

WORDS = Table(
    "sparsity_words",
    keys=(RUN, CORPUS, SEED, STEP, Column("word", "string", "the word that is predicted")),
    metrics=(
        Metric(
            "chi",
            "mean concentration of the top layer's gradient where the word is the target",
            "",
            0,
            1,
        ),
    ),
    further=(
        Column("frequency", "int", "occurrences in the training text"),
        Column(
            "word_class", "string", "class of the majority of its occurrences", nullable=True,
            values=("open", "closed"),
        ),
    ),
)  # fmt: skip

# What a job measured: a row for each step and word, and for each of these keys a column.
WORD_COLUMNS = ("run", "corpus", "seed", "step", "word", "frequency", "word_class")
