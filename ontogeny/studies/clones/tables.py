"""The tables of the study of clones, declared."""

from ontogeny.results.tables import RUN, SEED, Column, Metric, Table

PARTS = ("hamiltonian", "sampling", "text")
CORPUS = Column("corpus", "string", "corpus of the sequences or sentences")
ORIGINAL = ("", 0)  # what stands for sampler and sweeps of the sentences themselves
MOST = 100.0  # nats: no loss of a finite vocabulary comes near

CLONES = Table(
    "clones",
    keys=(
        Column("part", "string", "what was measured: see the metrics", values=PARTS),
        RUN,
        CORPUS,
        Column("sampler", "string", "run that the clone was drawn from; null: none", nullable=True),
        Column("seed", "int", "seed of the trajectory; null: of none, or of all", nullable=True),
        Column("step", "int", "updates done; null: of the whole trajectory", "updates", True),
        Column("layers", "int", "layers of the model that was trained or sampled", nullable=True),
        Column(
            "order",
            "int",
            "highest order of interaction that it can represent; null: not bounded",
            nullable=True,
        ),
        Column("sweeps", "int", "sweeps of sampling; null: none", nullable=True),
        Column("layer", "int", "layer from 1; null: the whole model", nullable=True),
    ),
    metrics=(
        Metric("loss", "mean loss at one masked place, or of the next token", "nats", 0, MOST),
        Metric("accuracy", "share of tokens for which the right one is the likeliest", "", 0, 1),
        Metric("optimum_loss", "loss of the best conditionals of the order, fitted", "nats", 0),
        Metric("energy_loss", "loss of the best energy of the order, fitted", "nats", 0),
        Metric("true_loss", "loss by the Hamiltonian itself", "nats", 0),
        Metric("displacement", "mean square of the weights' changes since step 0", "", 0),
        Metric("loss_ratio", "loss on the clone over the loss on the original", "", 0),
        Metric(
            "saturation_step", "where the loss first comes within tolerance of its lowest", "", 0
        ),
        Metric("score", "mean log-probability of a token, given all others", "nats", highest=0),
        Metric("acceptance", "share of proposals that were accepted", "", 0, 1),
        Metric("overlap", "share of tokens that are what the chain began with", "", 0, 1),
    ),
)

SENTENCES = Table(
    "clones_sentences",
    keys=(RUN, CORPUS, SEED, Column("sweeps", "int", "sweeps of sampling"),
          Column("sentence", "int", "number of the sentence")),
    metrics=(Metric("overlap", "share of its words that stayed", "", 0, 1),),
    further=(
        Column("before", "string", "the sentence, from the test split"),
        Column("after", "string", "what the chain made of it"),
    ),
)  # fmt: skip

KEYS = tuple(key.name for key in CLONES.keys)
