"""The claims about Zipf's law and the uniform one: unseen tokens, switched roles, layers.

Their thresholds are explained in `ontogeny.studies.strategies.claims`.
"""

import numpy as np

from ontogeny.results.claims import Claim
from ontogeny.studies.strategies.claim_statistics import (
    beyond_uniform,
    change_since_peak,
    decay,
    decay_of_both,
    embedding_lag,
    peak,
)
from ontogeny.studies.strategies.published import (
    BOTH,
    DISTRIBUTION,
    published,
    uniform,
    zipf,
)


def distribution_claims(ambiguity: float, suffix: str) -> list[Claim]:
    """Return the claims about unseen tokens under the two laws, 1a to 2a, at one ambiguity."""
    where, size = ("no ambiguity", "") if not ambiguity else (f"ambiguity {ambiguity:g}",) * 2
    also = f", with {size}" if size else ""
    of_zipf, of_uniform = zipf(ambiguity), uniform(ambiguity)
    return [
        published(
            f"1a{suffix}",
            f"Zipf{also}: accuracy on unseen tokens rises well above 0: an algorithm comes first.",
            DISTRIBUTION,
            f"highest accuracy on unseen, of all steps; Zipf, {where}",
            "above",
            0.5,
            lambda found: peak(found, "unseen"),
            of_zipf,
        ),
        published(
            f"1b{suffix}",
            f"Zipf{also}: the algorithm for unseen tokens goes again: then memory.",
            BOTH,
            "highest less last value on unseen, of accuracy or of the forced choice between the "
            f"sentence's two tokens, whichever falls less; Zipf, {where}",
            "above",
            0.1,
            lambda found: decay_of_both(found, "unseen"),
            of_zipf,
        ),
        published(
            f"1b.accuracy{suffix}",
            f"Zipf{also}: accuracy on unseen tokens decays again.",
            BOTH,
            f"highest less last accuracy on unseen; Zipf, {where}",
            "above",
            0.1,
            lambda found: decay(found, "unseen"),
            of_zipf,
        ),
        published(
            f"1c{suffix}",
            f"Zipf{also}: while accuracy on unseen tokens decays, validation accuracy stays.",
            BOTH,
            "change of accuracy on validation from the step at which unseen peaks to the last; "
            f"Zipf, {where}, where unseen rises above 0.5",
            "above",
            -0.05,
            lambda found: change_since_peak(found, "validation", peaking="unseen"),
            of_zipf,
        ),
        published(
            f"2a{suffix}",
            f"Uniform{also}: accuracy on unseen tokens shows no such rise.",
            DISTRIBUTION,
            f"highest accuracy on unseen, of all steps; uniform, {where}",
            "below",
            0.55,
            lambda found: peak(found, "unseen"),
            of_uniform,
        ),
    ]


def memory_claim() -> Claim:
    """Return the claim about switched roles under the uniform law, 2b.

    It is made without ambiguity alone: with some, claim 4b says the contrary.
    """
    return published(
        "2b",
        "Uniform: the model relies on memory from the start.",
        DISTRIBUTION,
        "highest accuracy on switch, of all steps; uniform, no ambiguity",
        "below",
        0.55,
        lambda found: peak(found, "switch"),
        uniform(0),
    )


def contrasts(ambiguity: float, suffix: str, vocabulary: int) -> list[Claim]:
    """Return the claims that Zipf's law does what the uniform one doesn't: 2c, and as 2b 2d."""
    where = f"ambiguity {ambiguity:g}" if ambiguity else "no ambiguity"
    also = f", ambiguity {ambiguity:g}" if ambiguity else ""

    def claim(number: str, what: str, subset: str) -> Claim:
        return published(
            f"{number}.{vocabulary}{suffix}",
            f"{vocabulary:,} tokens{also}: {what} rises higher under Zipf's law than under the "
            "uniform one.",
            DISTRIBUTION,
            f"highest accuracy on {subset}, of all steps, under Zipf's law less that under the "
            f"uniform one, of the same seed; {vocabulary:,} tokens, {where}",
            "above",
            0.1,
            lambda found: beyond_uniform(found, peak(found, subset), ambiguity),
            lambda c: c.vocabulary == vocabulary and zipf(ambiguity)(c),
        )

    unseen = claim("2c", "accuracy on unseen tokens", "unseen")
    return [unseen] if ambiguity else [unseen, claim("2d", "accuracy on switched roles", "switch")]


def layer_claims(share: float) -> list[Claim]:
    """Return the claims about when layers arrive at a share of the best, 3a and 3b."""
    statistic = (
        "doublings of the step by which the embedding layer's probe (new types) lags behind the "
        f"first layer's, at {share:.0%} of the way from chance to the best; "
    )
    return [
        published(
            f"3a.{share:.0%}".removesuffix("%"),
            "Zipf: part of speech can be read off late layers first, and off the embedding layer "
            f"later (push-down), at {share:.0%} of the way.",
            DISTRIBUTION,
            f"{statistic}Zipf, no ambiguity",
            "above",
            1,
            lambda found: embedding_lag(found, found.steps[-1], share),
            zipf(0),
        ),
        published(
            f"3b.{share:.0%}".removesuffix("%"),
            "Uniform: part of speech can be read off all layers at once, at "
            f"{share:.0%} of the way.",
            DISTRIBUTION,
            f"{statistic}uniform, no ambiguity",
            "below",
            1,
            lambda found: embedding_lag(found, np.inf, share),
            uniform(0),
        ),
    ]
