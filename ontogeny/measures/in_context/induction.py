"""Which heads look at the token before, and which at what came after the same token before.

Olsson et al. (2022), "In-context Learning and Induction Heads".
"""

import torch
from torch import Tensor


def previous_token_score(attention: Tensor) -> Tensor:
    """Return the mean weight that each head gives from a token to the one before it.

    `attention` is (..., sequences, heads, tokens, tokens), the result (..., heads): 1 for a head
    that does nothing else. The first token has none before it and doesn't count.
    """
    return attention.diagonal(-1, -2, -1).mean((-3, -1))


def prefix_places(tokens: Tensor) -> Tensor:
    """Return where a head that matches prefixes looks: after earlier copies of each token.

    `tokens` is (sequences, tokens), the result bool (sequences, tokens, tokens): place j of row t
    is true if j is at most t and the token before j is that at t.
    """
    same = tokens[..., :, None] == tokens[..., None, :]
    after = torch.zeros_like(same)
    after[..., 1:] = same[..., :-1]
    return after.tril()


def prefix_matching_score(attention: Tensor, tokens: Tensor) -> Tensor:
    """Return the mean weight that each head gives to what followed earlier copies of a token.

    Over the tokens that came before in their sequence. `attention` is (..., sequences, heads,
    tokens, tokens) for `tokens` (sequences, tokens), best random ones that are repeated
    (`repeated_tokens`), the result (..., heads): 1 for a head that does nothing else.
    """
    places = prefix_places(tokens)
    repeated = places.any(-1)
    given = (attention * places[:, None]).sum(-1)
    return (given * repeated[:, None]).sum((-3, -1)) / repeated.sum()


def prefix_matching_by_chance(tokens: Tensor) -> float:
    """Return the score of a head that looks at all tokens up to its own alike."""
    places = prefix_places(tokens)
    seen = torch.arange(1, tokens.shape[-1] + 1, device=tokens.device)
    return float((places.sum(-1) / seen)[places.any(-1)].mean())


def repeated_tokens(
    generator: torch.Generator, sequences: int, length: int, vocabulary: Tensor
) -> Tensor:
    """Return random tokens that come twice, (sequences, 2 * length).

    Each sequence has `length` different ones of `vocabulary` (types,), and the same again. With
    fewer types than that, some of them come more often.
    """
    rows = []
    for _ in range(sequences):
        passes = -(-length // len(vocabulary))
        orders = [torch.randperm(len(vocabulary), generator=generator) for _ in range(passes)]
        rows.append(vocabulary[torch.cat(orders)[:length]])
    once = torch.stack(rows)
    return torch.cat([once, once], dim=1)


def in_context_score(losses: Tensor, early: slice, late: slice) -> Tensor:
    """Return the mean loss late in the context less that early in it, a scalar, in nats.

    Below 0 if the model makes use of its context. `losses` is (sequences, length); published for
    contexts of 1,024: the 500th token less the 50th (Olsson et al. 2022).
    """
    return losses[:, late].nanmean() - losses[:, early].nanmean()
