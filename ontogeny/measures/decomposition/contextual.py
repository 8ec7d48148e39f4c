"""Contextual decomposition: what some words alone contribute to the states of an LSTM.

Murdoch et al. 2018, "Beyond Word Importance: Contextual Decomposition to Extract Interactions from
LSTMs", as "Training dynamics of neural language models" (Saphra 2021, chapter 5, section 2.1 and
appendix A) takes it over. A hidden state h and a cell c are split into a relevant part, of the
words in focus alone, and an irrelevant part, of all other words and of their interactions with
those in focus. The parts add up to the state exactly, but for rounding.

The sum that a gate or a candidate is a function of has three terms: what is relevant in it, what is
irrelevant, and the bias. The function of the sum is linearised, as a sum of a share for each term,
its Shapley value: how much the term adds, on average over the orders in which terms can come. Where
two such sums are multiplied, products go to the relevant part if neither factor is irrelevant and
to the irrelevant part if one is. What the sources leave open, and what is done here:

- **In which orders the bias takes part**: it comes first in all of them, as in the code of both
  publications. So the share of the bias is f(bias), the other two are averages over two orders, and
  the shares add up to f(sum). (Appendix A writes the shares without a bias, as f(y) - f(0); then
  sigmoid(0) = 1/2 would belong to nothing.)
- **Whether the output gate is decomposed**: it isn't, as in the code of both. Both parts of
  tanh(cell) are multiplied by the gate as it is: appendix A speaks of ignoring the irrelevant part
  of *each* gate.
- **Where bias with bias goes**: the product of the input gate's bias share with the candidate's is
  of no word. At a position in focus it goes to the relevant part, elsewhere to the irrelevant one,
  in every layer. (Appendix A counts biases as relevant whatever is in focus; then what two words
  contribute together would hold the biases once, and the sum of what each does twice. The code of
  the thesis asks for `start <= i < stop` where both ends are in focus, which misses the last word.)
- **What the state before the first word is**: irrelevant.
- **Higher layers** read both parts of the layer below, and add no words of their own.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ontogeny.measures.decomposition.layers import RecurrentLayer

Function = Callable[[Tensor], Tensor]
State = tuple[Tensor, Tensor]  # hidden states and cells, (..., layers, rows, width) each


class Parts(NamedTuple):
    """The relevant and the irrelevant part of states, each (..., layers, rows, tokens, width)."""

    relevant: Tensor
    irrelevant: Tensor


class Decomposition(NamedTuple):
    """The parts of the hidden states and of the cells."""

    hidden: Parts
    cell: Parts


def decompose(
    layers: list[RecurrentLayer],
    inputs: Tensor,
    focus: Tensor,
    state: State | None = None,
    squash: Function = torch.tanh,
) -> Decomposition:
    """Return the parts of all states of an LSTM, for the words in `focus`.

    `inputs` (..., rows, tokens, in) are the embeddings of texts, `focus` (rows, tokens) or
    (..., rows, tokens) says which words are in focus: any of them. `state` is that before the first
    token, by default zero. `squash` stands for tanh: with the identity and constant gates the
    recurrence is linear. Texts are padded at their ends, if they have to be: nothing reads
    backwards.
    """
    relevant = torch.where(focus[..., None], inputs, 0.0)
    parts = Parts(relevant, inputs - relevant)
    found = []
    for number, layer in enumerate(layers):
        before = (
            None if state is None else (state[0][..., number, :, :], state[1][..., number, :, :])
        )
        found.append(_decompose_layer(layer, parts, focus, before, squash))
        parts = found[-1].hidden
    hidden, cell = (
        Parts(*(torch.stack([getattr(one, name)[part] for one in found], -4) for part in (0, 1)))
        for name in ("hidden", "cell")
    )
    return Decomposition(hidden, cell)


def shares(function: Function, relevant: Tensor, irrelevant: Tensor, bias: Tensor) -> State:
    """Return the shares of two terms in function(relevant + irrelevant + bias), the bias first.

    That of the bias is function(bias). (Saphra 2021, appendix A; Murdoch et al. 2018, section 3.2.)
    """
    whole = function(relevant + irrelevant + bias) - function(bias)
    alone, other = (function(term + bias) - function(bias) for term in (relevant, irrelevant))
    return (alone + whole - other) / 2, (other + whole - alone) / 2


def project(words: Tensor, weight: Tensor) -> Tensor:
    """Return words (..., rows, tokens, in) times weight (..., out, in), for each token."""
    return (words.flatten(-3, -2) @ weight.mT).unflatten(-2, words.shape[-3:-1])


def _decompose_layer(
    layer: RecurrentLayer, inputs: Parts, focus: Tensor, state: State | None, squash: Function
) -> Decomposition:
    relevant_inputs, irrelevant_inputs = (project(part, layer.input_weight) for part in inputs)
    recurrent = layer.recurrent_weight.mT
    biases = layer.bias[..., None, :].chunk(4, -1)
    enter_bias, keep_bias, candidate_bias = (
        biases[0].sigmoid(),
        biases[1].sigmoid(),
        squash(biases[2]),
    )
    none = relevant_inputs.new_zeros((*relevant_inputs.shape[:-2], layer.width))
    h_relevant, c_relevant = none, none
    h_irrelevant, c_irrelevant = (none, none) if state is None else state
    steps = []
    for token in range(relevant_inputs.shape[-2]):
        terms = [
            (of_inputs[..., token, :] + hidden @ recurrent).chunk(4, -1)
            for of_inputs, hidden in (
                (relevant_inputs, h_relevant),
                (irrelevant_inputs, h_irrelevant),
            )
        ]
        functions = (torch.sigmoid, torch.sigmoid, squash)
        (enter, enter_other), (keep, keep_other), (candidate, candidate_other) = (
            shares(function, terms[0][gate], terms[1][gate], biases[gate])
            for gate, function in enumerate(functions)
        )
        of_biases = enter_bias * candidate_bias
        here = focus[..., token, None]
        before = c_relevant, c_irrelevant
        c_relevant = (
            (keep + keep_bias) * before[0]
            + enter * (candidate + candidate_bias)
            + enter_bias * candidate
            + torch.where(here, of_biases, 0.0)
        )
        c_irrelevant = (
            (keep + keep_other + keep_bias) * before[1]
            + keep_other * before[0]
            + enter_other * (candidate + candidate_other + candidate_bias)
            + (enter + enter_bias) * candidate_other
            + torch.where(here, 0.0, of_biases)
        )
        leave = (terms[0][3] + terms[1][3] + biases[3]).sigmoid()
        zero = torch.zeros_like(biases[3])
        h_relevant, h_irrelevant = (
            leave * share for share in shares(squash, c_relevant, c_irrelevant, zero)
        )
        steps.append((h_relevant, h_irrelevant, c_relevant, c_irrelevant))
    parts = [torch.stack(part, -2) for part in zip(*steps, strict=True)]
    return Decomposition(Parts(*parts[:2]), Parts(*parts[2:]))
