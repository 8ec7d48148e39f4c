"""Random LSTMs, and a slow decomposition of their states, word by word, from the publications."""

import itertools

import torch

from ontogeny.measures.decomposition import recurrent_layers


def random_lstm(layers, size, width, seed, scale=2.0):
    """Return a `torch.nn.LSTM` of double precision with weights large enough to bend its gates."""
    torch.manual_seed(seed)
    lstm = torch.nn.LSTM(size, width, layers, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for parameter in lstm.parameters():
            parameter.uniform_(-scale, scale)
    return lstm


def layers_of(lstm):
    return recurrent_layers(dict(lstm.named_parameters()), "lstm")


def shapley(function, terms):
    """Return the Shapley value of each term but the last, which comes first in all orders.

    For each order, what each term adds to the function of the sum of those before it.
    """
    *players, bias = terms
    values = [torch.zeros_like(bias) for _ in players]
    orders = list(itertools.permutations(range(len(players))))
    for order in orders:
        before = bias
        for player in order:
            after = before + players[player]
            values[player] = values[player] + (function(after) - function(before)) / len(orders)
            before = after
    return [*values, function(bias)]


def slow_decomposition(lstm, inputs, focus, state=None, squash=torch.tanh):
    """Decompose one text's states; `inputs` (tokens, size), `focus` one truth value for each.

    Returns the relevant and irrelevant hidden states, then cells, each (layers, tokens, width).
    Every product of a gate's terms with a candidate's or a cell's is formed by itself, and goes to
    the relevant part if it has a relevant factor and no irrelevant one.
    """
    width = lstm.hidden_size
    lower = [(x if f else 0 * x, 0 * x if f else x) for x, f in zip(inputs, focus, strict=True)]
    results = [[], [], [], []]
    for number in range(lstm.num_layers):
        of_input, of_hidden, bias_one, bias_two = (
            getattr(lstm, f"{name}_l{number}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        bias = bias_one + bias_two
        zero = torch.zeros(width, dtype=torch.float64)
        hidden, cell = (zero, zero), (zero, zero)
        if state is not None:
            hidden, cell = ((zero, part[number]) for part in state)
        collected = [[], [], [], []]
        for (relevant, irrelevant), here in zip(lower, focus, strict=True):
            first, second = (
                of_input @ x + of_hidden @ h
                for x, h in zip((relevant, irrelevant), hidden, strict=True)
            )
            parts = [
                shapley(function, [first[k], second[k], bias[k]])
                for function, k in (
                    (torch.sigmoid, slice(0, width)),
                    (torch.sigmoid, slice(width, 2 * width)),
                    (squash, slice(2 * width, 3 * width)),
                )
            ]
            after = {"relevant": zero, "irrelevant": zero}
            kinds = ("relevant", "irrelevant", "bias")
            enter, keep, candidate = (dict(zip(kinds, part, strict=True)) for part in parts)
            before = dict(zip(kinds, cell, strict=False))
            for left, right in ((enter, candidate), (keep, before)):
                for one, other in itertools.product(left, right):
                    both = {one, other}
                    if both == {"bias"}:
                        goes = "relevant" if here else "irrelevant"
                    else:
                        goes = "irrelevant" if "irrelevant" in both else "relevant"
                    after[goes] = after[goes] + left[one] * right[other]
            cell = after["relevant"], after["irrelevant"]
            out = slice(3 * width, None)
            leave = torch.sigmoid((first + second + bias)[out])
            shares = shapley(squash, [*cell, zero])
            hidden = leave * shares[0], leave * shares[1]
            for place, part in enumerate((*hidden, *cell)):
                collected[place].append(part)
        lower = list(zip(*collected[:2], strict=True))
        for result, steps in zip(results, collected, strict=True):
            result.append(torch.stack(steps))
    return [torch.stack(result) for result in results]
