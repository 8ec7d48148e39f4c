"""The table of the study of interdependence, declared."""

from ontogeny.corpora.scaffolds import SETTINGS
from ontogeny.results.tables import RUN, SEED, STEP, Column, Metric, Table

FOCI = ("everything", "scaffold", "prefix")
WORD_CLASSES = ("all", "open", "closed", "mixed", "other")


def _optional(
    name: str, kind: str, meaning: str, unit: str = "", values: tuple[str, ...] = ()
) -> Column:
    return Column(name, kind, meaning, unit, nullable=True, values=values)


INTERDEPENDENCE = Table(
    "interdependence",
    keys=(
        RUN,
        SEED,
        STEP,
        _optional("corpus", "string", "corpus whose words were paired; null for synthetic rules"),
        _optional(
            "layer", "int", "layer whose hidden states are meant: 1 = the first recurrent one"
        ),
        _optional(
            "sequential_distance",
            "int",
            "how many words the later one of a pair comes after the earlier; of the rule, from "
            "alpha to the scaffold's end; of a gradient, from the state to the scaffold's end",
            "words",
        ),
        _optional(
            "syntactic_distance",
            "int",
            "edges of the tree between the words; null for any",
            "edges",
        ),
        _optional(
            "word_class",
            "string",
            "of both words of a pair; mixed: one open, one closed; other: any else",
            values=WORD_CLASSES,
        ),
        _optional(
            "word",
            "string",
            "which word's frequency DI is correlated with",
            values=("earlier", "later"),
        ),
        _optional(
            "setting", "string", "what the scaffolds of the rule are in training", values=SETTINGS
        ),
        _optional("scaffold_length", "int", "k", "tokens"),
        _optional("rule_count", "int", "n: occurrences of the rule in the corpus"),
        _optional(
            "domain",
            "string",
            "whether the rule is tested with scaffolds of the corpus's rule, or with random ones",
            values=("in", "out"),
        ),
        _optional("focus", "string", "whose contribution alone predicts omega", values=FOCI),
        _optional(
            "prefix", "int", "tokens of the scaffold in focus after alpha; 0: alpha alone", "tokens"
        ),
    ),
    metrics=(
        Metric(
            "interdependence",
            "DI: ||h_AB - (h_A + h_B)|| / ||h_AB|| at the later of the two; mean over cases. Of a "
            "rule: of alpha and scaffold",
            "",
            0,
        ),
        Metric("cases", "pairs of words that a mean is over, or would be", "pairs", 0),
        Metric(
            "frequency_correlation",
            "rank correlation of a pair's DI, among those equally far apart, with the frequency of "
            "one of its words",
            "",
            -1,
            1,
        ),
        Metric("omega_probability", "probability of omega where it comes next; mean", "", 0, 1),
        Metric(
            "gradient_norm",
            "Euclidean norm of the gradient, in a hidden state, of omega's negative log "
            "probability; mean",
            "nats",
            0,
        ),
    ),
)
