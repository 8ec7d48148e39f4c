"""Loss and gradients of one member in machine code: a few sequences at a time, to the caches' size.

The computation is that of `ontogeny.ensemble.bert.encoder` and `ontogeny.ensemble.bert.head`.
"""

import numpy as np
from numpy.typing import NDArray

from ontogeny.ensemble.machine_code.compiling import kept
from ontogeny.ensemble.machine_code.dropout import embedding_mask, layer_masks
from ontogeny.ensemble.machine_code.encoder import (
    add_rows,
    embed,
    embed_backward,
    embedding_state,
    layer_backward,
    layer_forward,
    layer_states,
    select,
)
from ontogeny.ensemble.machine_code.functions import ONE, ZERO
from ontogeny.ensemble.machine_code.head import head_state, surprisal_and_gradients
from ontogeny.ensemble.machine_code.parameters import (
    Sizes,
    circuits,
    circuits_backward,
    embeddings,
    head,
    layer,
    no_circuits,
)

Array = NDArray[np.float32]
Ids = NDArray[np.int64]


@kept
def loss_and_gradients(
    flat: Array,
    gradients: Array,
    sizes: Sizes,
    vocabulary: int,
    inputs: Ids,
    positions: Ids,
    labels: Ids,
    masks: Array,
    at_once: int,
) -> float:
    """Return a member's mean cross-entropy, and overwrite its gradients.

    `flat` and `gradients` are (parameters,), `inputs` (sequences, tokens), `positions` (targets,),
    `labels` (sequences, targets), negative where there is none; without any, the loss and all
    gradients are NaN. `masks` are those of dropout, as `ontogeny.ensemble.machine_code.dropout` has
    them, or empty. `at_once` sequences go through the model together. Nothing is checked.
    """
    count = (labels >= 0).sum()
    gradients.fill(ZERO if count else np.float32(np.nan))
    if count == 0:
        return np.nan
    own, by_own = embeddings(flat, sizes), embeddings(gradients, sizes)
    own_head, by_head = head(flat, sizes, vocabulary), head(gradients, sizes, vocabulary)
    own_circuits, by_circuits = circuits(flat, sizes), no_circuits(sizes)
    tokens, targets, final = inputs.shape[1], positions.size, sizes.layers - 1
    rows_of_layers, whole = [tokens] * final + [targets], len(inputs)
    all_positions, all_labels = np.arange(tokens), labels.reshape(-1)
    share, loss = ONE / np.float32(count), 0.0
    most = min(at_once, len(inputs))
    embedded = embedding_state(sizes, most * tokens)
    states = layer_states(sizes, most * max(tokens, targets), tokens, masks.size > 0)
    predicted = head_state(most * targets, sizes.width, vocabulary)
    for start in range(0, len(inputs), most):
        some = inputs[start : start + most]
        own_masks = [
            layer_masks(masks, sizes, number, start, len(some), whole, tokens, rows)
            for number, rows in enumerate(rows_of_layers)
        ]
        x = np.empty((sizes.layers, len(some) * tokens, sizes.width), np.float32)
        output = np.empty((len(some) * targets, sizes.width), np.float32)
        wanted = np.empty_like(output)
        mask = embedding_mask(masks, sizes, start, len(some), tokens)
        embed(own, some, sizes.epsilon, mask, embedded, x[0])
        for number in range(sizes.layers):
            if number == final:
                select(x[final], tokens, positions, wanted)
            layer_forward(
                layer(flat, sizes, number),
                own_circuits,
                number,
                x[number],
                wanted if number == final else x[number],
                tokens,
                sizes.epsilon,
                own_masks[number],
                states,
                output if number == final else x[number + 1],
            )
        gradient = np.empty_like(output)
        loss += surprisal_and_gradients(
            own_head,
            own.words[:vocabulary],
            output,
            all_labels[start * targets : start * targets + len(output)],
            share,
            sizes.epsilon,
            predicted,
            by_head,
            by_own.words[:vocabulary],
            gradient,
        )
        for number in range(final, -1, -1):
            by_x = np.zeros_like(x[0])
            layer_backward(
                layer(flat, sizes, number),
                own_circuits,
                number,
                x[number],
                wanted if number == final else x[number],
                tokens,
                own_masks[number],
                states,
                gradient,
                layer(gradients, sizes, number),
                by_circuits,
                by_x,
            )
            add_rows(gradient, tokens, positions if number == final else all_positions, by_x)
            gradient = by_x
        embed_backward(own, some, mask, embedded, gradient, by_own, sizes.padding_token)
    circuits_backward(flat, gradients, sizes, by_circuits, masks.size > 0)
    return loss
