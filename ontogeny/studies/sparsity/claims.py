"""The claims about sparsity, as statistics of a run's words.

Source of all: Saphra (2021), "Training dynamics of neural language models", chapter 6 (Saphra and
Lopez 2019, "Sparsity emerges naturally in neural language models"). Found in words and figures: the
statistics are ours, and so are the thresholds but that of claim 3. "Strong" is Cohen's large
correlation (1988), 0.5; "not correlated" is less than his medium one, 0.3.

All need two seeds. Intervals redraw seeds and, independently, words, the same for all seeds. What
compares early with late takes for early the first checkpoint after a tenth of the updates.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np

from ontogeny.results.claims import Claim, Estimate
from ontogeny.studies.sparsity.claim_statistics import (
    Evidence,
    beyond_logits,
    beyond_lower_layers,
    closed_ahead,
    closed_more_concentrated,
    concentrates,
    final,
    gradients_of_inputs,
    lowest_of_norm,
    of_activation,
    open_goes_on,
    recurrent_ahead,
    tightens,
)

PUBLICATION = "Saphra 2021, Training dynamics of neural language models"
STRONG, NONE = 0.5, 0.3


def _claim(
    number: str,
    statement: str,
    part: str,
    statistic: str,
    direction: Literal["above", "below"],
    threshold: float,
    compute: Callable[[Evidence], np.ndarray | None],
    *,
    steps: int = 1,
) -> Claim:
    def estimated(data: Evidence) -> Estimate | None:
        found = compute(data)
        return None if found is None else data.estimate(found)

    return Claim(
        id=f"sparsity.{number}",
        study="sparsity",
        statement=statement,
        source=f"{PUBLICATION}, chapter 6, {part}",
        statistic=statistic,
        direction=direction,
        threshold=threshold,
        estimate=estimated,
        seeds=2,
        steps=steps,
    )


RHO = "correlation over words of the mean concentration of the top layer's gradient with target "
RHO += "frequency"

CLAIMS = (
    _claim(
        "1a",
        "The gradient at the top layer is the more concentrated, the more frequent the target.",
        "figure 2",
        f"{RHO}, at the last checkpoint",
        "above",
        0,
        final,
    ),
    _claim(
        "1b",
        "The gradient at the top layer becomes more concentrated with training.",
        "figure 2",
        "rank correlation with step, step 0 left out, of the mean over words of the concentration "
        "of the top layer's gradient",
        "above",
        0,
        concentrates,
        steps=5,
    ),
    _claim(
        "2a",
        "Concentration of the top layer's gradient correlates strongly with target frequency.",
        "figure 3a",
        f"{RHO}, at the last checkpoint",
        "above",
        STRONG,
        final,
    ),
    _claim(
        "2b",
        "That correlation increases with training.",
        "figure 3a",
        f"rank correlation with step, step 0 left out, of the {RHO}",
        "above",
        0,
        tightens,
        steps=5,
    ),
    _claim(
        "2c",
        "Concentration of the top layer's activations isn't correlated with target frequency.",
        "figure 3a",
        "absolute correlation, for activations, at the last checkpoint",
        "below",
        NONE,
        of_activation,
    ),
    _claim(
        "2d",
        "The logits' gradient hasn't that correlation: it isn't an effect of sparse logits.",
        "section 4",
        f"{RHO}, less the absolute correlation for the logits' gradient, at the last checkpoint",
        "above",
        0,
        beyond_logits,
    ),
    _claim(
        "2e",
        "Nor have the gradients at lower layers.",
        "figure 3a",
        f"{RHO}, less the largest absolute correlation for gradients at lower layers, at the last "
        "checkpoint",
        "above",
        0,
        beyond_lower_layers,
    ),
    _claim(
        "3",
        "The l1 norm of the top layer's gradient is at most slightly anti-correlated with target "
        "frequency: frequent words don't merely have small gradients.",
        "section 4",
        "lowest over steps, step 0 left out, of the correlation over words of the mean l1 norm of "
        "the top layer's gradient with target frequency",
        "above",
        -0.1,
        lowest_of_norm,
    ),
    *(
        claim
        for letters, sample, where in (
            ("ab", "", ""),
            ("cd", "_matched", ", in samples of matched frequency"),
        )
        for claim in (
            _claim(
                f"4{letters[0]}",
                f"Frequent words of closed classes are the first to have concentrated gradients"
                f"{where}.",
                "figure 4",
                f"{RHO}: closed classes less open ones{where}, at the first checkpoint after a "
                "tenth of the updates",
                "above",
                0,
                partial(closed_ahead, sample=sample),
                steps=5,
            ),
            _claim(
                f"4{letters[1]}",
                f"Closed classes then stabilise, and open ones go on{where}.",
                "figure 4",
                f"growth of the {RHO} from there to the last checkpoint: open classes less closed "
                f"ones{where}",
                "above",
                0,
                partial(open_goes_on, sample=sample),
                steps=5,
            ),
        )
    ),
    _claim(
        "4e",
        "Gradients of function words are more concentrated than those of content words, even at "
        "the same frequency.",
        "abstract and figure 5",
        "mean over words of the concentration of the top layer's gradient, closed less open "
        "classes, in samples of matched frequency, at the last checkpoint",
        "above",
        0,
        closed_more_concentrated,
    ),
    _claim(
        "5a",
        "The first recurrent layer is the first to tie the concentration of its activations to "
        "input frequency.",
        "figure 3b",
        "correlation over words of the mean concentration of activations with input frequency: "
        "first recurrent layer less embedding, at the first checkpoint after a tenth of the "
        "updates",
        "above",
        0,
        partial(recurrent_ahead, last=False),
        steps=5,
    ),
    _claim(
        "5b",
        "The embedding overtakes the first recurrent layer.",
        "figure 3b",
        "the same correlation: embedding less first recurrent layer, at the last checkpoint",
        "above",
        0,
        partial(recurrent_ahead, last=True),
        steps=5,
    ),
    _claim(
        "6",
        "Concentration of gradients is never correlated with input frequency.",
        "figure 3b",
        "largest over steps, step 0 left out, and layers of the absolute correlation over words of "
        "the mean concentration of gradients with input frequency",
        "below",
        NONE,
        gradients_of_inputs,
    ),
)
