"""Probes: can a linear map tell at the query position, layer by layer, noun from adjective?

For each of `PROBED` sets a probe is trained on sequences whose query is of one half of the types,
and tested twice: on other sequences with queries of the same types, and on sequences whose query is
of the other half. A probe can learn by heart which of its training types is what kind, even from
random embeddings; types that it never saw it can tell apart only by what all nouns have in common.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ontogeny.measures.probes.logistic import fit
from ontogeny.studies.strategies.conditions import PROBED, Member
from ontogeny.studies.strategies.distributions import halves_of_types
from ontogeny.studies.strategies.evaluation import draw_set, evaluation_numbers, noun_queries
from ontogeny.studies.strategies.streams import stream
from ontogeny.studies.strategies.task import Laws, Vocabulary


def probing_inputs(
    vocabulary: Vocabulary, laws: Laws, members: Sequence[Member], train: int, test: int
) -> Tensor:
    """Return the inputs that probes read, (members, sets, train + 2 * test, 7), on the CPU.

    For each of the `PROBED` sets: `train` sequences to train a probe on, `test` others with queries
    of the same types, `test` with queries of new types.
    """
    sets = []
    for subset in PROBED:
        types = vocabulary.held_out if subset == "unseen" else vocabulary.types
        kind = "held-out" if subset == "unseen" else "trained"
        halves = torch.stack(
            [halves_of_types(types, stream(m, f"halves of {kind} types")) for m in members]
        )
        parts = []
        for part, count, queried in (
            ("train", train, halves),
            ("test", test, halves),
            ("new types", test, ~halves),
        ):
            numbers = evaluation_numbers(members, f"probes {subset} {part}", laws, count)
            parts.append(draw_set(vocabulary, subset, laws, numbers, queried).inputs)
        sets.append(torch.cat(parts, 1))
    return torch.stack(sets, 1)


def probe(
    states_of: Callable[[Tensor], Tensor], inputs: Tensor, train: int, l2: float, bias: bool = True
) -> tuple[Tensor, Tensor]:
    """Return the probes' accuracy on trained and on new types; both (layers, members, sets).

    `states_of` maps inputs (members, n, 7) to the vectors at the query position, (layers, members,
    n, width); `inputs` are those of `probing_inputs`, of which the first `train` of each set train
    the probe. All layers, members and sets are fitted at once
    (`ontogeny.measures.probes.logistic.fit`, with the penalty `l2`, and a bias or none).
    """
    members, sets, count, _ = inputs.shape
    states = states_of(inputs.flatten(1, 2))
    layers, width = len(states), states.shape[-1]
    # A set of a member at a layer is what `fit` calls a layer: they all have the same labels.
    states = states.view(layers * members * sets, count, width)
    test = (count - train) // 2
    labels, gold = noun_queries(train).long()[None], noun_queries(test).long()
    fitted = fit(
        states[:, :train],
        labels,
        states[:, :1],  # there is one penalty, so nothing is chosen on dev
        labels[:, :1],
        l2=(l2,),
        bias=bias,
        device=states.device,
    )
    predicted = fitted.predict(states[:, train:])[:, 0]
    right = predicted.view(layers, members, sets, 2, test) == gold
    accuracy = right.double().mean(-1)
    return accuracy[..., 0], accuracy[..., 1]
