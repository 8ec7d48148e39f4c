"""Reading copies of sentences that have one position masked each, without work done twice.

Most of what an encoder's first layer projects is the same in all copies of a sentence, and its last
layer is asked at one position of each copy. Both are known for BERT and its kin, whose attention is
computed alike; other models read the copies as they read any text.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ontogeny.measures.likelihood.replaced_forward import computes, has_own_forward

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Query, key and value are linear in what the layer reads, and positions are in the embeddings.
ATTENTION = {
    *("BertSelfAttention", "CamembertSelfAttention", "ElectraSelfAttention", "ErnieSelfAttention"),
    *("RobertaSelfAttention", "RobertaPreLayerNormSelfAttention", "XLMRobertaSelfAttention"),
}


@contextmanager
def reads_copies(model: "PreTrainedModel", tokens: Tensor, place: Tensor) -> Iterator[Tensor]:
    """Have a model that reads these copies in the block do nothing twice, nor for nothing.

    `tokens`, (copies, tokens), are ids, all of them attended to; `place`, (copies,), is the
    position at which each copy is asked. Yields these positions as they count through the batch,
    (copies,), as `Logits` takes them: what the model says elsewhere is void, and there the same as
    outside the block, up to rounding. The model's modules are not as they were within the block:
    one thread at a time.
    """
    copies, length = tokens.shape
    asked = place + length * torch.arange(copies, device=place.device)
    layers = _layers(model)
    with ExitStack() as shortcuts:
        if layers:
            padding = model.config.pad_token_id
            shortcuts.enter_context(_projects_once(layers[0].attention.self, tokens, padding))
            shortcuts.enter_context(_attends_from(layers[-1].attention.self, asked))
        yield asked


def _layers(model: Any) -> list[Any]:
    """Return the layers of an encoder, or nothing if it isn't known how their attention works."""
    layers = list(getattr(getattr(model.base_model, "encoder", None), "layer", []))
    bidirectional = not getattr(model.config, "is_decoder", False)
    different = len(layers) == len(set(map(id, layers)))
    known = bidirectional and different and all(map(_is_known, layers))
    return layers if known and len(layers) > 1 else []


def _is_known(layer: Any) -> bool:
    """Say whether a layer attends as transformers defines it: nobody has put something in between.

    (Adapters are modules in place of linear ones, or functions in place of `forward`.)
    """
    attention: Any = getattr(getattr(layer, "attention", None), "self", None)
    return (
        type(attention).__name__ in ATTENTION
        and not any(map(has_own_forward, (layer, attention)))
        and all(
            type(projection) is torch.nn.Linear
            for projection in (attention.query, attention.key, attention.value)
        )
    )


def _first_of_each(tokens: Tensor, padding: int | None) -> tuple[Tensor, Tensor]:
    """Return a place of each different embedding, (vectors,), and which of them each token has.

    Tokens have the same if they are the same at the same position. Places count through all copies.
    """
    length = tokens.shape[1]
    where = (tokens * length + torch.arange(length, device=tokens.device)).flatten()
    every = torch.arange(len(where), device=where.device)
    if padding is not None and (tokens == padding).any():  # RoBERTa counts positions around padding
        return every, every
    different, same_as = torch.unique(where, return_inverse=True)
    return torch.empty_like(different).scatter_(0, same_as, every), same_as


@contextmanager
def _projects_once(attention: Any, tokens: Tensor, padding: int | None) -> Iterator[None]:
    """Have the first layer project each token once for each position at which it stands."""
    different, same_as = _first_of_each(tokens, padding)

    def choose(module: Any, inputs: tuple[Tensor]) -> tuple[Tensor]:
        return (inputs[0].flatten(0, 1)[different],)

    def repeat(module: Any, inputs: Any, outputs: Tensor) -> Tensor:
        return outputs[same_as].view(*tokens.shape, -1)

    with ExitStack() as hooks:  # a hook's handle removes it on leaving
        for projection in (attention.query, attention.key, attention.value):
            hooks.enter_context(projection.register_forward_pre_hook(choose))
            hooks.enter_context(projection.register_forward_hook(repeat))
        yield


@contextmanager
def _attends_from(attention: Any, asked: Tensor) -> Iterator[None]:
    """Have the last layer attend from the asked positions alone; what it returns elsewhere is void.

    With x the layer's input and q the query, q (W x) is (q W) x: keys cost a product for each copy
    instead of one for each token. So do values, since W is applied to the mean that attention makes
    of x. The keys' bias adds the same to all scores of a query, and attention ignores it.
    """
    heads = attention.num_attention_heads

    def attend(states: Tensor, *arguments: Any, **options: Any) -> tuple[Tensor, None]:
        copies, width = len(asked), states.shape[-1]
        query = attention.query(states.flatten(0, 1)[asked]).view(copies, heads, -1)
        key, value = (
            projection.weight.view(heads, -1, width)
            for projection in (attention.key, attention.value)
        )
        scores = _per_head(query * attention.scaling, key) @ states.transpose(1, 2)
        mean = torch.softmax(scores, dim=-1) @ states
        found = _per_head(mean, value.transpose(1, 2)).flatten(1) + attention.value.bias
        everywhere = states.new_empty(states.shape[0] * states.shape[1], found.shape[-1])
        everywhere[asked] = found
        return everywhere.view(*states.shape[:2], -1), None

    with computes(attention, attend):
        yield


def _per_head(vectors: Tensor, weights: Tensor) -> Tensor:
    """Return (copies, heads, in) times (heads, in, out), as (copies, heads, out)."""
    return (vectors.transpose(0, 1) @ weights).transpose(0, 1)
