"""The claims about pairs of words, as statistics of what was measured on a treebank.

Source: "Training dynamics of neural language models" (Saphra 2021), chapter 5, section 3. The
published figures show means over all pairs, without intervals; here seeds and sentences are
redrawn.

An LSTM that has learned nothing forgets as well, so its DI may fall with distance before any
training. Hence the controls (b, d): what falls has to fall more at the last step than at the first.
All thresholds were set before any result was seen: 0 for slopes and their differences; "no clear
correlation" is one below 0.3 in size, which Cohen (1988) calls medium.
"""

from collections.abc import Callable

import numpy as np

from ontogeny.results.claims import Claim, Estimate
from ontogeny.studies.interdependence.pair_statistics import (
    Resampled,
    sequential_slope,
    syntactic_slope,
)

THESIS = "Saphra 2021, Training dynamics of neural language models, chapter 5"
NO_CORRELATION = 0.3

Slope = Callable[[Resampled], np.ndarray]


def _claim(
    number: str,
    statement: str,
    section: str,
    statistic: str,
    values: Callable[[Resampled], np.ndarray],
    threshold: float = 0.0,
    steps: int = 1,
) -> Claim:
    def estimate(found: Resampled) -> Estimate:
        return found.estimate(values(found))

    return Claim(
        id=f"interdependence.{number}",
        study="interdependence",
        statement=statement,
        source=f"{THESIS}, {section}",
        statistic=statistic,
        direction="below",
        threshold=threshold,
        estimate=estimate,
        seeds=2,
        steps=steps,
    )


def _last(slope: Slope) -> Slope:
    return lambda found: slope(found)[..., -1]


def _more_than_untrained(slope: Slope) -> Slope:
    return lambda found: slope(found)[..., -1] - slope(found)[..., 0]


def _syntactic(word_class: str) -> Slope:
    return lambda found: syntactic_slope(found, word_class)


def _correlation(word: int) -> Slope:
    return lambda found: np.abs(found.correlations[..., -1, word])


SEQUENTIAL = "slope of log mean DI over sequential distance, per word, top layer"
SYNTACTIC = (
    "slope of mean DI over syntactic distance, per edge, within each sequential distance and as a "
    "share of its mean, top layer; {} words"
)

CLAIMS = [
    _claim(
        "1a",
        "Interdependence falls with sequential distance.",
        "section 3.1 and figure 3",
        f"{SEQUENTIAL}; last step",
        _last(sequential_slope),
    ),
    _claim(
        "1b",
        "Control: it falls more than in a model that has learned nothing.",
        "section 3.1 and figure 3",
        f"{SEQUENTIAL}; last step less first",
        _more_than_untrained(sequential_slope),
        steps=2,
    ),
    *(
        claim
        for letters, name in (("ab", "open"), ("cd", "closed"))
        for claim in (
            _claim(
                f"2{letters[0]}",
                f"At a fixed sequential distance interdependence of {name}-class words falls with "
                "syntactic distance.",
                "section 3.1 and figure 4",
                f"{SYNTACTIC.format(name)}; last step",
                _last(_syntactic(name)),
            ),
            _claim(
                f"2{letters[1]}",
                f"Control: that of {name}-class words falls more than in a model that has learned "
                "nothing.",
                "section 3.1 and figure 4",
                f"{SYNTACTIC.format(name)}; last step less first",
                _more_than_untrained(_syntactic(name)),
                steps=2,
            ),
        )
    ),
    *(
        _claim(
            f"3{letter}",
            f"Interdependence has no clear relation to the raw frequency of the {word} word.",
            "section 3.1",
            f"size of the rank correlation of DI, among pairs equally far apart, with the {word} "
            "word's frequency; top layer, last step",
            _correlation(place),
            NO_CORRELATION,
        )
        for place, (letter, word) in enumerate((("a", "earlier"), ("b", "later")))
    ),
]
