"""The tables of the study of stages, declared."""

from ontogeny.results.tables import RUN, SEED, STEP, Column, Metric, Table

CORPUS = Column("corpus", "string", "corpus whose text was read; `tasks` for regression")

GEOMETRY = (
    Metric("loss", "mean loss on the held-out text or contexts", "nats, or squared error", 0),
    Metric("llc", "local learning coefficient, mean over chains that stayed"),
    Metric("llc_se", "its standard error, by the chains' effective sample size", "", 0),
    Metric("llc_rhat", "split R-hat of the draws' losses", "", 0),
    Metric("llc_ess", "effective sample size of the draws' losses", "draws", 0),
    Metric("llc_baseline", "loss of the checkpoint on the draws' batches", "as loss"),
    Metric("llc_baseline_se", "its standard error", "as loss", 0),
    Metric("llc_acceptance", "share of moves that Metropolis and Hastings would accept", "", 0, 1),
    Metric("llc_negative", "share of chains with an estimate below 0", "", 0, 1),
    Metric("llc_diverged", "chains that were left out", "chains", 0),
    Metric("llc_refined", "the same of one layer's or head's weights alone"),
    Metric("llc_refined_se", "its standard error", "", 0),
    Metric("llc_refined_rhat", "split R-hat of the draws' losses", "", 0),
    Metric("llc_refined_diverged", "chains that were left out", "chains", 0),
    Metric("pc1", "first principal component of the outputs", "as the outputs"),
    Metric("pc2", "second", "as the outputs"),
    Metric("pc3", "third", "as the outputs"),
    Metric("curvature", "of the smoothed curve in the first two components", "1 / outputs"),
)
LANGUAGE = (
    Metric("bigram_kl", "divergence of predictions from the training text's bigrams", "nats", 0),
    Metric("ngram_score", "mean loss over loss on frequent 3- and 4-grams' last tokens", "", 0),
    Metric("previous_token_score", "weight that a head gives to the token before", "", 0, 1),
    Metric("prefix_score", "weight that a head gives to what followed like tokens", "", 0, 1),
    Metric("prefix_chance", "the same of a head that looks at all tokens alike", "", 0, 1),
    Metric("icl_score", "loss late less that early in the context", "as loss"),
    Metric("loss_without_positions", "loss with all positions' vectors at 0", "nats", 0),
)
REGRESSION = (
    Metric("prediction_norm", "root mean square of predictions", "y", 0),
    Metric("ood_error", "squared error on wider inputs over that of predicting 0", "", 0),
    Metric("embedding_rank", "effective rank of the embedding", "directions", 0),
    Metric("unembedding_norm", "norm of the unembedding", "", 0),
    Metric("norm_collapse", "share of a layer norm's weights within 0.1 of 0", "", 0, 1),
    Metric("position_rank", "effective rank of the positions' vectors", "directions", 0),
)

STAGES = Table(
    "stages",
    keys=(
        RUN,
        CORPUS,
        SEED,
        STEP,
        Column(
            "layer", "int", "layer from 1, or the norm's number; null if of none", nullable=True
        ),
        Column("head", "int", "head from 1; null if of none", nullable=True),
    ),
    metrics=(*GEOMETRY, *LANGUAGE, *REGRESSION),
)

BOUNDARIES = Table(
    "stages_boundaries",
    keys=(RUN, CORPUS, Column("stage", "int", "number of the stage, from 1")),
    metrics=(
        Metric("start", "where the stage begins", "updates", 0),
        Metric("end", "where it ends", "updates", 0),
        Metric("end_low", "lower end of the 95% interval of its end", "updates"),
        Metric("end_high", "upper end of it", "updates"),
        Metric("found", "share of resamples that have that boundary", "", 0, 1),
        Metric("change", "change of the local learning coefficient"),
    ),
    further=(
        Column("type", "string", "whether it rises or falls", values=("A", "B")),
        Column("foremost", "string", "what changes most in it, in its own range over training"),
    ),
)

CALIBRATION = Table(
    "stages_calibration",
    keys=(
        RUN,
        CORPUS,
        SEED,
        STEP,
        Column("step_size", "float", "of the chains"),
        Column("localisation", "float", "of the chains"),
        Column("inverse_temperature", "float", "of the chains, that of the mean loss"),
    ),
    metrics=(
        Metric("llc", "local learning coefficient"),
        Metric("llc_rhat", "split R-hat of the draws' losses", "", 0),
        Metric("llc_diverged", "chains that were left out", "chains", 0),
        Metric("llc_change", "difference from neighbouring settings, over their mean", "share", 0),
        Metric("chosen", "1 for the settings that are used, else 0", "", 0, 1),
    ),
)

TRACES = Table(
    "stages_traces",
    keys=(
        RUN,
        CORPUS,
        SEED,
        STEP,
        Column("chain", "int", "number of the chain, from 1"),
        Column("draw", "int", "number of the draw, from 1; 0 and below in the burn-in"),
    ),
    metrics=(
        Metric("loss", "loss of the chain on that draw's batch", "as loss"),
        Metric("baseline", "loss of the checkpoint on the same batch", "as loss"),
    ),
    further=(Column("use", "string", "what became of the chain", values=("kept", "left out")),),
)

FORMS = Table(
    "stages_forms",
    keys=(
        RUN,
        CORPUS,
        SEED,
        Column("form", "int", "number of the form, from 1; null if of none", nullable=True),
        Column("rank", "int", "rank of a token whose loss it moves; null if of all", nullable=True),
    ),
    metrics=(
        Metric("forms", "how many there are", "forms", 0),
        Metric("forms_by_chance", "how many a random walk over the same steps has", "forms", 0),
        Metric("step", "where the curve turns around it", "updates", 0),
        Metric("pc1", "its first coordinate", "as the outputs"),
        Metric("pc2", "second", "as the outputs"),
        Metric("pc3", "third", "as the outputs"),
        Metric(
            "disagreement", "of projections on a coordinate, over the curve's extent", "share", 0
        ),
        Metric("loss", "loss of the form as a function, on what is shown", "as loss", 0),
        Metric("loss_change", "that loss, or the token's, less the curve's then", "as loss"),
    ),
    further=(
        Column("token", "string", "token whose loss it moves; null if all", nullable=True),
        Column("before", "string", "what comes before it; null if all", nullable=True),
    ),
)
