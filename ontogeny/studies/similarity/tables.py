"""The tables of the study of similarity, declared."""

from ontogeny.results.tables import RUN, SEED, STEP, Column, Metric, Table
from ontogeny.studies.similarity.tagsets import TAGSETS

# What a layer is compared with; in the order in which figures show them.
OTHERS = ("own_final", "seed_final", "layer", "chance", "tagger", "diagnostic")
TAGGINGS = ("next", "input")
MEASURES = ("svcca", "cca", "pwcca", "linear_cka", "unbiased_cka", "rsa")
# The measure that claims and figures are about.
PRIMARY = "svcca"

CORPUS = Column("corpus", "string", "corpus whose words were represented")
TAGSET = Column("tagset", "string", "set of tags", nullable=True, values=TAGSETS)
TAGGING = Column(
    "tagging",
    "string",
    "tag that is predicted at a word: of the next word, or of the word itself",
    nullable=True,
    values=TAGGINGS,
)
SHUFFLED = Column(
    "shuffled", "int", "1: the tagger was trained on shuffled tags; 0: on true ones", nullable=True
)
DOMAIN = Column("domain", "string", "corpus that the tagger was trained on", nullable=True)

SIMILARITY = Table(
    "similarity",
    keys=(
        RUN,
        CORPUS,
        SEED,
        STEP,
        Column("layer", "int", "0 = embeddings, then the model's layers, bottom first"),
        Column(
            "other",
            "string",
            "what the layer is compared with: the same layer of the trajectory's last checkpoint "
            "(own_final), of the last checkpoints of the run's other seeds (seed_final, mean over "
            "them); another layer of the same checkpoint (layer); the same layer of the last "
            "checkpoint, with words of other sentences (chance); a tagger's layer (tagger); or the "
            "words' tags, by a diagnostic classifier (diagnostic)",
            values=OTHERS,
        ),
        Column(
            "other_layer",
            "int",
            "layer of the other: a tagger's 0 = embeddings, 1 = recurrent layer",
            nullable=True,
        ),
        DOMAIN,
        TAGSET,
        TAGGING,
        SHUFFLED,
    ),
    metrics=(
        Metric(
            "svcca",
            "mean canonical correlation of the axes that hold the configured share of variance "
            "(Raghu et al. 2017)",
            "correlation",
            0,
            1,
        ),
        Metric(
            "cca",
            "mean of the canonical correlations that make up the configured share of their sum, "
            "nothing being reduced beforehand (Saphra and Lopez 2019, released code)",
            "correlation",
            0,
            1,
        ),
        Metric(
            "pwcca",
            "mean canonical correlation, weighted by what each direction accounts for in the layer "
            "that is compared, not in the other (Morcos et al. 2018)",
            "correlation",
            0,
            1,
        ),
        Metric(
            "linear_cka",
            "centred kernel alignment with linear kernels (Kornblith et al. 2019)",
            "",
            0,
            1,
        ),
        Metric(
            "unbiased_cka",
            "the same from unbiased estimates of HSIC (Song et al. 2012): 0 on average by chance",
            "",
            -1,
            1.01,
        ),
        Metric(
            "rsa",
            "Spearman correlation of the distances between the words of a sample (Kriegeskorte et "
            "al. 2008)",
            "correlation",
            -1,
            1,
        ),
        Metric("axes", "canonical correlations that svcca is the mean of", "", 1),
        Metric("accuracy", "share of test words that a diagnostic classifier tags right", "", 0, 1),
        Metric(
            "majority_accuracy",
            "share of test words that bear the tag most frequent in the classifier's training "
            "words",
            "share",
            0,
            1,
        ),
    ),
)

TAGGERS = Table(
    "similarity_taggers",
    keys=(
        Column("domain", "string", "corpus that the tagger was trained on"),
        Column("tagset", "string", "set of tags", values=TAGSETS),
        Column("tagging", "string", TAGGING.meaning, values=TAGGINGS),
        Column("shuffled", "int", SHUFFLED.meaning),
    ),
    metrics=(
        Metric("classes", "tags that occur in the text", "", 1),
        Metric("documents", "documents of the text", "", 1),
        Metric("train_words", "words with a tag to be predicted, in training", "words", 1),
        Metric("dev_words", "the same, of those that set the step size", "words", 1),
        Metric(
            "test_words", "the same, of those that accuracy and perplexity are about", "words", 1
        ),
        Metric("accuracy", "share of test words whose tag is predicted", "share", 0, 1),
        Metric("perplexity", "exponential of the mean cross-entropy on test words", "", 1),
        Metric(
            "majority_accuracy",
            "share of test words that bear the tag most frequent in training",
            "share",
            0,
            1,
        ),
    ),
)
