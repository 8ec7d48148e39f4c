"""The evaluation sets, and how accurate models are on them.

- `validation`: sequences as in training.
- `tail`: the rarest tenth of each class, uniform; roles as in training.
- `switch`: tokens as in training, but nouns stand in adjective slots and the reverse.
- `tail_switch`: the same for the tail.
- `unseen`: held-out tokens, two different ones in a sequence; position alone gives them a role.
- `fresh`: the same, with embeddings of these tokens that are drawn anew.

With `switching: redrawn` the types of the tail keep their own roles, as in the authors' code: what
takes an ambiguous one's place needn't be rare.

In each, every other sequence asks for the noun and the rest for the adjective, so that the sets are
balanced, and the labels of probes the same for all members.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ontogeny.studies.strategies.conditions import SUBSETS, Member, tail_types
from ontogeny.studies.strategies.distributions import cumulative, draw_ranks
from ontogeny.studies.strategies.streams import stream, uniform
from ontogeny.studies.strategies.task import (
    ANSWER,
    COPULA,
    QUERY,
    Laws,
    Sequences,
    Vocabulary,
    compose,
    in_roles,
    replacing_ranks,
)

HELD_OUT = ("unseen", "fresh")  # the sets of held-out tokens

# Numbers that go through the output head at once: what a processor's memory holds with ease.
LOGITS_AT_ONCE = {"cpu": 2**24, "cuda": 2**29}


def noun_queries(count: int) -> Tensor:
    """Return which sequences of a set ask for the noun, shape (sequences,), bool: every other."""
    return torch.arange(count) % 2 == 0


def evaluation_numbers(members: Sequence[Member], purpose: str, laws: Laws, count: int) -> Tensor:
    """Return the members' uniform numbers for a set, (members, numbers, sequences), on the CPU."""
    shape = (5 + laws.replacements, count)
    return torch.stack([uniform(stream(m, f"evaluation {purpose}"), shape) for m in members])


def draw_set(
    vocabulary: Vocabulary,
    subset: str,
    laws: Laws,
    numbers: Tensor,
    queried: Tensor | None = None,
) -> Sequences:
    """Return a set's sequences, for each member.

    `numbers` are those of `evaluation_numbers`. `queried`, (members, types) bool, or (members,
    held-out tokens) for `unseen` and `fresh`, says which types the query may be of (by rank, in
    both classes); the query is drawn from the law restricted to them, the other token from all.
    None means any type.
    """
    noun_query = noun_queries(numbers.shape[-1]).expand(len(numbers), -1)
    if subset in HELD_OUT:
        query, other = _two_held_out(vocabulary.held_out, numbers, queried)
        first = vocabulary.first_held_out
        nouns = first + torch.where(noun_query, query, other)
        adjectives = first + torch.where(noun_query, other, query)
    else:
        probabilities, switch = _subset_laws(subset, laws)
        asked = probabilities if queried is None else probabilities * queried
        query = draw_ranks(cumulative(asked), numbers[:, 0].contiguous())
        other = draw_ranks(cumulative(probabilities), numbers[:, 1].contiguous())
        noun_ranks = torch.where(noun_query, query, other)
        adjective_ranks = torch.where(noun_query, other, query)
        replacing = None
        if subset == "validation" and laws.redrawn is not None:
            law = laws.redrawn if queried is None else laws.redrawn * queried
            own = replacing_ranks(law, numbers[:, 5])
            others = replacing_ranks(laws.redrawn, numbers[:, 6])
            replacing = (
                torch.where(noun_query, own, others),
                torch.where(noun_query, others, own),
            )
        nouns, adjectives = in_roles(
            vocabulary, switch, noun_ranks, adjective_ranks, numbers[:, 2:4], replacing
        )
    return compose(nouns, adjectives, numbers[:, 4] < 0.5, noun_query)


def _subset_laws(subset: str, laws: Laws) -> tuple[Tensor, Tensor]:
    """Return the probabilities of ranks, and how often they switch, in a set of trained tokens."""
    probabilities, switch = laws.probabilities, laws.switch
    if subset in ("tail", "tail_switch"):
        probabilities = torch.zeros_like(probabilities)
        probabilities[:, -tail_types(probabilities.shape[1]) :] = 1
        if laws.redrawn is not None:
            switch = torch.zeros_like(switch)
    if subset in ("switch", "tail_switch"):
        switch = torch.ones_like(switch)
    return probabilities, switch


def _two_held_out(held_out: int, numbers: Tensor, queried: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return two different held-out tokens for each sequence: the query and the other one."""
    if queried is None:
        queried = torch.ones(len(numbers), held_out, dtype=torch.bool)
    query = draw_ranks(cumulative(queried.double()), numbers[:, 0].contiguous())
    apart = 1 + (numbers[:, 1] * (held_out - 1)).long()
    return query, (query + apart) % held_out


def evaluation_set(
    vocabulary: Vocabulary,
    laws: Laws,
    members: Sequence[Member],
    count: int,
    subsets: Sequence[str] = SUBSETS,
) -> Sequences:
    """Return the sequences of sets one after the other, `count` of each; on the CPU."""
    sets = [
        draw_set(vocabulary, subset, laws, evaluation_numbers(members, subset, laws, count))
        for subset in subsets
    ]
    return Sequences(
        *(
            torch.cat([getattr(one, field) for one in sets], 1)
            for field in ("inputs", "answers", "noun_query")
        )
    )


def score(
    logits_of: Callable[[Tensor], Tensor], sequences: Sequences, tokens: int
) -> dict[str, Tensor]:
    """Return what models make of each sequence, by the names of the metrics; (members, sequences).

    `logits_of` maps inputs (members, n, 7) to the logits of the answer, (members, n, 3, tokens).

    - `accuracy`: 1 if the most probable token of all, held-out ones included, is the answer's at
      all three places, else 0.
    - `forced_choice`: 1 if of the sentence's two content tokens the answer's is the more probable
      at all three places (or both are the same), else 0.
    - `loss`: the mean cross-entropy over the three, in nats.
    """
    count, device = sequences.inputs.shape[1], sequences.inputs.device
    each = len(sequences.inputs) * len(ANSWER) * tokens
    at_once = max(1, LOGITS_AT_ONCE.get(device.type, 2**26) // each)
    parts: dict[str, list[Tensor]] = {"accuracy": [], "forced_choice": [], "loss": []}
    for first in range(0, count, at_once):
        inputs = sequences.inputs[:, first : first + at_once]
        answers = sequences.answers[:, first : first + at_once]
        logits = logits_of(inputs)
        parts["accuracy"].append((logits.argmax(-1) == answers).all(-1))
        others = inputs[..., :QUERY].sum(-1, keepdim=True) - COPULA - answers
        right, wrong = (logits.gather(-1, t[..., None])[..., 0] for t in (answers, others))
        parts["forced_choice"].append(((right > wrong) | (answers == others)).all(-1))
        loss = cross_entropy(logits.flatten(0, 2), answers.flatten(), reduction="none")
        parts["loss"].append(loss.view(answers.shape).mean(-1))
    return {metric: torch.cat(values, 1) for metric, values in parts.items()}


def by_subset(values: Tensor, subsets: int = len(SUBSETS)) -> Tensor:
    """Return the mean over each of so many sets that follow one another; (members, subsets)."""
    return values.double().unflatten(1, (subsets, -1)).mean(-1)
