"""Interdependence of words in any model, by leaving words out: for transformers.

Where contextual decomposition has no gates to linearise, what words contribute is the change that
they make when they join others (Saphra 2021, section 5.1.2: "where we can use SHAP, we can also
develop interdependence metrics"). h(S) is the hidden state of a token if only the words S are
there, and a baseline token stands in the place of each other. Over random S without A and B,

    h_A = mean of h(S + A) - h(S),  h_B likewise,  h_AB = mean of h(S + A + B) - h(S),

and DI(A, B) = ||h_AB - (h_A + h_B)|| / ||h_AB||, as for decomposition. S is drawn as Shapley values
have it: its size is uniform, and all sets of one size are alike. So h_AB is the Shapley value of
the two as one player (Shapley 1953), and what it leaves over the Shapley interaction index of
Grabisch and Roubens (1999). The means are unbiased; a norm of a mean over few sets isn't: it is too
large, by less the more sets there are.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ontogeny.measures.decomposition.interdependence import interdependence

# From tokens (rows, tokens) to hidden states (layers, rows, tokens, width).
States = Callable[[Tensor], Tensor]


def masking_interdependence(
    states_of: States,
    tokens: Tensor,
    words: Tensor,
    pairs: Tensor,
    baseline: int,
    samples: int,
    generator: np.random.Generator,
    rows_at_once: int = 64,
) -> Tensor:
    """Return DI for pairs of words of a sentence, (layers, pairs), at the later of the two.

    `tokens` (tokens,) are the sentence's, `words` (words,) the places of its words, each one token:
    all others are there always. `pairs` (pairs, 2) are numbers of words, the earlier one first.
    `samples` sets are drawn. A set is changed by one word or by two, so pairs share what is read.
    """
    together, left_over = torch.zeros(()), torch.zeros(())
    count = len(words)
    singles = torch.eye(count, dtype=torch.bool)
    flips = torch.cat([singles[:1] & False, singles, singles[pairs[:, 0]] | singles[pairs[:, 1]]])
    read = words[pairs[:, 1]]
    numbers = torch.arange(len(pairs))
    for _ in range(samples):
        share, drawn = generator.random(), generator.random(count)
        there = torch.from_numpy(drawn < share)
        kept = there ^ flips
        texts = tokens.repeat(len(kept), 1)
        texts[:, words] = torch.where(kept, tokens[words], baseline)
        found = torch.cat([states_of(part) for part in texts.split(rows_at_once)], 1)

        def state(
            first: bool, second: bool, there: Tensor = there, found: Tensor = found
        ) -> Tensor:
            """The later word's states with each word of a pair there or not."""
            change = (there[pairs] != torch.tensor([first, second])).long()
            row = torch.where(
                change.all(1),
                1 + count + numbers,
                (change * (1 + pairs)).sum(1),
            )
            return found[:, row, read]

        both, one, other, none = (
            state(*case) for case in ((True, True), (True, False), (False, True), (False, False))
        )
        together = together + (both - none) / samples
        left_over = left_over + (both - one - other + none) / samples
    return interdependence(together, together - left_over, torch.zeros_like(together))
