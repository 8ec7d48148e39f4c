"""Decompositional interdependence: how far two words mean something else together than alone.

DI(A, B) = ||h_AB - (h_A + h_B)|| / ||h_AB||, with the relevant parts h that contextual
decomposition gives for A, for B and for both, at the later of the two (Saphra 2021, chapter 5,
equation 2).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ontogeny.measures.decomposition.contextual import Function, State, project
from ontogeny.measures.decomposition.layers import RecurrentLayer


def interdependence(together: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """Return DI from relevant parts (..., width) of both, of one and of the other; (...).

    NaN where the two together contribute nothing.
    """
    norm = torch.linalg.vector_norm(together, dim=-1)
    left_over = torch.linalg.vector_norm(together - one - other, dim=-1)
    return torch.where(norm > 0, left_over / norm, torch.nan)


def pair_interdependence(
    layers: list[RecurrentLayer],
    inputs: Tensor,
    farthest: int,
    state: State | None = None,
    squash: Function = torch.tanh,
) -> Tensor:
    """Return DI for all pairs of words up to `farthest` apart.

    Arguments are those of `decompose`, the result is (..., layers, rows, tokens, farthest). The
    place [..., l, d - 1] holds the DI of the words l and l + d, at the latter; NaN where a text has
    no such word. Of padding at the end of a text it holds numbers without meaning.

    What `decompose` gives for each pair alone is found with the work shared. Before the first word
    in focus the relevant part is 0 and the irrelevant the true state, so each word l begins once,
    and goes on as the only one in focus; at each later word r there is one step more, with r in
    focus too, that leads nowhere further. The irrelevant part isn't computed: it is the true state
    less the relevant part.
    """
    truths = _true_states(layers, inputs, state, squash)
    tokens = inputs.shape[-2]
    farthest_here = min(farthest, tokens - 1)
    shape = (*inputs.shape[:-3], len(layers), inputs.shape[-3], tokens, farthest)
    found = inputs.new_full(shape, torch.nan)
    # Of each layer, the relevant hidden states and cells for each first word alone, at the word
    # that was read last; and the hidden states for each word alone, at that word.
    carried: list[State] = []
    alone: list[Tensor] = []
    reads = [_without_output_gate(layer) for layer in layers]
    of_words = project(inputs, reads[0].input_weight)
    for number, layer in enumerate(layers):
        of_inputs = project(alone[-1], reads[number].input_weight) if number else of_words
        hidden, cell = _step(layer, truths[number], of_inputs, None, squash, here=True)
        carried.append((hidden, cell))
        alone.append(hidden)
    for distance in range(1, farthest_here + 1):
        lower = None
        for number, layer in enumerate(layers):
            # The first words that have a word so far behind them.
            hidden, cell = (part[..., : tokens - distance, :] for part in carried[number])
            recurrent = project(hidden, reads[number].recurrent_weight)
            truth = truths[number].after(distance)
            if lower is None:
                of_first, of_both = recurrent, recurrent + of_words[..., distance:, :]
            else:
                of_first, of_both = (
                    recurrent + project(part, reads[number].input_weight) for part in lower
                )
            first = _step(layer, truth, of_first, cell, squash, here=False)
            both = _step(layer, truth, of_both, cell, squash, here=True)
            carried[number] = first
            lower = first[0], both[0]
            found[..., number, :, : tokens - distance, distance - 1] = interdependence(
                both[0], first[0], alone[number][..., distance:, :]
            )
    return found


class _Truth(NamedTuple):
    """What a layer does with all words: each (..., rows, tokens, width), or 4 * width for `sums`.

    `sums` are what the gates and the candidate are functions of, `gates` the functions of these;
    `squashed` is the function of the cell.
    """

    sums: Tensor
    gates: Tensor
    cell: Tensor
    squashed: Tensor

    def after(self, distance: int) -> "_Truth":
        """Return it for the words that have another so far before them."""
        return _Truth(*(part[..., distance:, :] for part in self))


def _without_output_gate(layer: RecurrentLayer) -> RecurrentLayer:
    """Return what the two gates and the candidate read: the output gate isn't decomposed."""
    kept = slice(3 * layer.width)
    return RecurrentLayer(
        layer.input_weight[..., kept, :],
        layer.recurrent_weight[..., kept, :],
        layer.bias[..., kept],
    )


def _true_states(
    layers: list[RecurrentLayer], inputs: Tensor, state: State | None, squash: Function
) -> list[_Truth]:
    truths = []
    for number, layer in enumerate(layers):
        projections = project(inputs, layer.input_weight)
        recurrent, bias = layer.recurrent_weight.mT, layer.bias[..., None, :]
        hidden, cell = (
            2 * [projections.new_zeros((*projections.shape[:-2], layer.width))]
            if state is None
            else (part[..., number, :, :] for part in state)
        )
        steps = []
        for projection in projections.unbind(-2):
            sums = projection + hidden @ recurrent + bias
            gates = _gates(sums, layer.width, squash)
            enter, keep, candidate, leave = gates.chunk(4, -1)
            cell = keep * cell + enter * candidate
            squashed = squash(cell)
            hidden = leave * squashed
            steps.append((sums, gates, cell, squashed, hidden))
        *parts, inputs = (torch.stack(part, -2) for part in zip(*steps, strict=True))
        truths.append(_Truth(*parts))
    return truths


def _step(
    layer: RecurrentLayer,
    truth: _Truth,
    relevant: Tensor,
    cell: Tensor | None,
    squash: Function,
    *,
    here: bool,
) -> State:
    """Return the relevant hidden state and cell after one word, which is in focus or not: `here`.

    `relevant` (..., 3 * width) is what is relevant in the sums of the two gates and the candidate,
    `cell` the relevant cell before (None: 0).
    """
    bias = layer.bias[..., None, None, :]
    of_bias = _gates(bias, layer.width, squash)
    # Of terms x + y + bias the share of x is the mean of f(x + bias) - f(bias) and
    # f(x + y + bias) - f(y + bias), and y + bias is the true sum less x. The output gate isn't
    # decomposed.
    parts = slice(3 * layer.width)
    share = _gates(relevant + bias[..., parts], layer.width, squash)
    share += truth.gates[..., parts] - of_bias[..., parts]
    share -= _gates(truth.sums[..., parts] - relevant, layer.width, squash)
    enter, keep, candidate = (share / 2).chunk(3, -1)
    enter_bias, keep_bias, candidate_bias, _ = of_bias.chunk(4, -1)
    following = enter * (candidate + candidate_bias) + enter_bias * candidate
    if here:
        following += enter_bias * candidate_bias
    if cell is not None:
        following += (keep + keep_bias) * cell
    leave = truth.gates[..., 3 * layer.width :]
    squashed = squash(following) + truth.squashed - squash(truth.cell - following)
    return leave * squashed / 2, following


def _gates(sums: Tensor, width: int, squash: Function) -> Tensor:
    """Return gates and candidate of their sums, all four (..., 4 * width) or the first three."""
    parts = list(
        sums.split([2 * width, width, *([width] if sums.shape[-1] > 3 * width else [])], -1)
    )
    functions = (torch.sigmoid, squash, torch.sigmoid)
    return torch.cat([function(part) for function, part in zip(functions, parts, strict=False)], -1)
