"""How a model reads, found out by having it read a few tokens.

A family's name tells much of that, but not all, and new families come every month. What is found
here is certain of the model at hand.
"""

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from ontogeny.errors import CheckpointError
from ontogeny.runs.checkpoints.model_configs import check_family
from ontogeny.runs.checkpoints.token_batches import embedded_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FEW = 6  # tokens
BESIDE = 3  # tokens of padding
# A model that reads one way changes what it says of earlier tokens by rounding alone, one that
# reads both ways about as much as what it says of later ones.
SHARE = 1e-3
ROUNDING = 100  # in units of the last place of the largest number
# Sums over more tokens are rounded otherwise, in each of many layers: by far less than this share.
MOVED = 1e-3

Direction = Literal["forward", "both"]


def most_positions(model: "PreTrainedModel") -> int | None:
    """Return how many tokens the model has positions for; None: no bound.

    RoBERTa and its kin count positions from `padding_idx` + 1 and lose those below.
    """
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions is None or positions <= 0:
        return None
    lost = 0
    for name, module in model.named_modules():
        if name.endswith("position_embeddings"):
            index = getattr(module, "padding_idx", None)
            lost = 0 if index is None else index + 1
    return int(positions - lost)


def few_tokens(model: "PreTrainedModel", rows: int = 1, spared: int = 0) -> Tensor:
    """Return ids of a few ordinary tokens to try a model on, (rows, tokens), on its device.

    No two that are neighbours, in a row or from row to row, are the same if the vocabulary allows.
    There are as many as the model has positions for, less `spared`, and `FEW` at most.
    """
    known = _ordinary_tokens(model)
    bound = most_positions(model)
    length = FEW if bound is None else max(min(FEW, bound - spared), 1)
    # Spread over the vocabulary: neighbours in it are often alike.
    place = torch.arange(rows * length) * max(len(known) // (2 * rows * FEW), 1)
    return known[place % len(known)].view(rows, length).to(_device(model))


def refuse_unreadable(model: "PreTrainedModel", name: str) -> None:
    """Raise `CheckpointError`, calling the model `name`, unless its layers can be measured.

    It is refused if its family is known not to be measurable (`check_family`), if it can't read
    tokens alone, and if a layer doesn't give a vector for each of them, of one width in all layers.
    """
    check_family(model.config.to_dict(), name)
    tokens = few_tokens(model)
    try:
        with torch.no_grad():
            output = model.base_model(input_ids=tokens, output_hidden_states=True)
    # What a model raises that misses an input of its own has no class in common.
    except Exception as error:
        raise CheckpointError(
            f"{name}: its model ({_kind(model)}) can't read a text alone ({one_line(error)}). "
            "Expected an encoder or a decoder of text; leave the run out."
        ) from error
    layer_states(model.base_model, output, tokens, name)


def layer_states(model: Any, output: Any, tokens: Tensor, name: str) -> tuple[Tensor, ...]:
    """Return a model's hidden states of some tokens, layers + 1 of (batch, tokens, width).

    Raises `CheckpointError`, calling the model `name`, if it gave none, or others.
    """
    states = getattr(output, "hidden_states", None)
    if not states:
        raise CheckpointError(
            f"{name}: its model ({_kind(model)}) gives no vectors of its layers; expected an "
            "encoder or a decoder of text. Leave the run out."
        )
    expected = (*tokens.shape, states[0].shape[-1])
    for layer, state in enumerate(states):
        if state.shape != expected:
            raise CheckpointError(
                f"{name}: layer {layer} of its model ({_kind(model)}) has vectors of shape "
                f"{tuple(state.shape)}, for (texts, tokens, width) {expected}; expected one for "
                "each token in each layer, all of one width. Leave the run out."
            )
    return tuple(states)


def direction(model: "PreTrainedModel") -> Direction | None:
    """Return whether what a language model says of a token depends on later tokens too.

    Found by changing one token: `both` if that changes the logits before it, `forward` if only
    those after it. None if it changes neither beyond rounding, as at an initialisation whose layers
    add nothing yet.
    """
    tokens = few_tokens(model)
    place = tokens.shape[1] // 2
    known = _ordinary_tokens(model).to(tokens.device)
    others = known[~torch.isin(known, tokens)]
    changed = tokens.clone()
    changed[0, place] = others[0] if len(others) else tokens[0, 0]
    with torch.no_grad():
        before, after = model(input_ids=tokens).logits, model(input_ids=changed).logits
    change = (after.float() - before.float()).abs()[0].flatten(1)
    parts = change[:place], change[place + 1 :]
    earlier, later = (float(part.max()) if len(part) else 0.0 for part in parts)
    rounding = ROUNDING * torch.finfo(before.dtype).eps * float(before.abs().max())
    if earlier > max(rounding, SHARE * later):
        return "both"
    return "forward" if later > rounding else None


def reads_padding(model: "PreTrainedModel", padding: int) -> bool:
    """Say whether what a model makes of a text changes with padding beside it.

    It doesn't where attention alone brings tokens together, since attention passes over padding;
    but a convolution or a Fourier transform doesn't. `padding` is the token to pad with.
    """
    tokens = few_tokens(model, spared=BESIDE)
    count = tokens.shape[1]
    beside = torch.full((1, BESIDE), padding, device=tokens.device)
    attended = torch.arange(count + BESIDE, device=tokens.device)[None] < count
    bound = most_positions(model)
    if bound is not None and attended.shape[1] > bound:
        return False  # there is no room for padding
    with torch.no_grad():
        alone = model(input_ids=tokens)[0]
        padded = model(
            input_ids=torch.cat([tokens, beside], dim=1), attention_mask=attended.long()
        )[0][:, :count]
    moved = float((padded.float() - alone.float()).abs().max())
    return moved > MOVED * float(alone.float().abs().mean())


def one_line(error: Exception, most: int = 200) -> str:
    """Return what an error of another library says, or its beginning: some list all they know."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= most else f"{text[:most].rsplit(' ', 1)[0]} ..."


def _kind(model: Any) -> str:
    return f"{type(model).__name__}, model_type {getattr(model.config, 'model_type', None)}"


def _ordinary_tokens(model: Any) -> Tensor:
    """Return the ids of the tokens that the config doesn't call special; all if no two are left."""
    count = embedded_tokens(model)
    ordinary = torch.ones(count, dtype=torch.bool)
    for key, value in model.config.to_dict().items():
        for token in value if isinstance(value, list) else [value]:
            if key.endswith("token_id") and isinstance(token, int) and 0 <= token < count:
                ordinary[token] = False
    known = ordinary.nonzero()[:, 0]
    return known if len(known) > 1 else torch.arange(count)


def _device(model: Any) -> torch.device:
    return next((weights.device for weights in model.parameters()), torch.device("cpu"))
