"""Factored attention, as transformers' Auto classes know models."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    PreTrainedConfig,
    PreTrainedModel,
    initialization,
)
from transformers.utils import ModelOutput

from ontogeny.runs.architectures.embeddings import WithEmbedding, WithOutput


class FactoredConfig(PreTrainedConfig):
    """The configuration of a model of factored attention, for at most so many positions."""

    model_type = "ontogeny_factored"

    vocab_size: int = 1_000
    hidden_size: int = 64
    num_hidden_layers: int = 2
    num_attention_heads: int = 4
    max_position_embeddings: int = 64
    initializer_range: float = 0.1
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | None = None
    mask_token_id: int | None = None
    tie_word_embeddings: bool = False


@dataclass
class FactoredOutput(ModelOutput):
    """What such a model gives.

    `last_hidden_state` (batch, places, width); `logits` (batch, places, vocabulary), if it
    predicts; if asked for, `hidden_states`, layers + 1 of (batch, tokens, width), the first being
    the embeddings. Places are all tokens, or the one that was asked for.
    """

    last_hidden_state: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None


class FactoredAttention(nn.Module):
    """Sums over positions of mapped vectors, by weights that know positions alone.

    A head's weights are a matrix (positions, positions) of any numbers, learned, without a softmax:
    of row i, what position i takes from each. Without `diagonal` no position takes from itself.
    """

    def __init__(self, config: FactoredConfig, *, diagonal: bool) -> None:
        """Make room for the weights."""
        super().__init__()
        heads, longest = config.num_attention_heads, config.max_position_embeddings
        self.weights = nn.Parameter(torch.empty(heads, longest, longest))
        self.value = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.output = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.diagonal = diagonal

    def matrix(self, tokens: int) -> Tensor:
        """Return the weights among the first positions, (heads, tokens, tokens)."""
        weights = self.weights[:, :tokens, :tokens]
        if self.diagonal:
            return weights
        return weights * (1 - torch.eye(tokens, dtype=weights.dtype, device=weights.device))

    def forward(self, inputs: Tensor, places: Tensor | None = None) -> Tensor:
        """Return what each position takes of `inputs` (batch, tokens, width), as `inputs`.

        With `places` (batch,) only what those take is computed: (batch, 1, width).
        """
        heads = len(self.weights)
        values = self.value(inputs).unflatten(-1, (heads, -1)).transpose(-2, -3)
        matrix = self.matrix(inputs.shape[-2])
        if places is None:
            mixed = matrix @ values
        else:  # (heads, batch, tokens) of (heads, tokens, tokens)
            mixed = matrix[:, places].transpose(0, 1)[:, :, None] @ values
        return self.output(mixed.transpose(-2, -3).flatten(-2))


class FactoredPreTrainedModel(PreTrainedModel):
    """What all models of this architecture have in common."""

    config_class = FactoredConfig
    base_model_prefix = "factored"

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        deviation = self.config.initializer_range
        if isinstance(module, nn.Embedding):
            initialization.normal_(module.weight, 0.0, 1.0)
        elif isinstance(module, nn.Linear):
            initialization.normal_(module.weight, 0.0, module.in_features**-0.5)
        elif isinstance(module, FactoredAttention):
            initialization.normal_(module.weights, 0.0, deviation)
        elif isinstance(module, FactoredForMaskedLM):
            initialization.zeros_(module.bias)


class FactoredModel(WithEmbedding, FactoredPreTrainedModel):
    """Layers of factored attention: h1 = A1 e, then h(n+1) = h(n) + A(n+1) h(n)^2.

    e are the embeddings, A sums over positions (`FactoredAttention`), and squares are taken element
    by element. So h1 is linear in the tokens (one-hot), and each further layer doubles the degree:
    2^(n-1) after n, and an interaction of that many tokens with the one that is predicted. There is
    no norm, no softmax and no bias, which would change that; the way around a layer doesn't.

    The first layer lacks its diagonal and its way around, so that no h1 knows its own token: with
    one layer no prediction depends on what stands at its place. With more, a position's token
    comes back to it from others, and has to be masked: then the mask's embedding stands there for
    all sequences alike, a constant that other positions take up, which lowers the degree of what it
    is multiplied with and never raises it. So does the common part of all embeddings: lower orders
    than the highest are always among what a model can represent.

    One head with value map U in one layer has couplings J_ij(a, b) = A_ij U_ab alone, the same U
    for all pairs; several heads have sums of such.
    """

    def __init__(self, config: FactoredConfig) -> None:
        """Make a model with random weights."""
        super().__init__(config)
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(
            FactoredAttention(config, diagonal=number > 0)
            for number in range(config.num_hidden_layers)
        )
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool | None = None,
        places: Tensor | None = None,
        **_: Any,
    ) -> FactoredOutput:
        """Read tokens, `input_ids` (batch, tokens), or their embeddings, `inputs_embeds`.

        `attention_mask` (batch, tokens) is 0 where there is no token: nothing is taken from there.
        With `places` (batch,) the last layer is computed at one position of each sequence alone.
        """
        embedded = self.embedding(input_ids) if inputs_embeds is None else inputs_embeds
        longest = self.config.max_position_embeddings
        if embedded.shape[-2] > longest:
            raise ValueError(f"{embedded.shape[-2]} tokens; expected at most {longest}")
        there = None if attention_mask is None else attention_mask[..., None].to(embedded.dtype)
        read, hidden, states = embedded, None, [embedded]
        for number, layer in enumerate(self.layers):
            last = number + 1 == len(self.layers)
            taken = layer(read if there is None else read * there, places if last else None)
            if hidden is not None and last and places is not None:
                index = places[:, None, None].expand(-1, 1, hidden.shape[-1])
                hidden = hidden.gather(-2, index)
            hidden = taken if hidden is None else hidden + taken
            read = hidden.square()
            states.append(hidden)
        asked = output_hidden_states
        asked = self.config.output_hidden_states if asked is None else asked
        return FactoredOutput(
            last_hidden_state=hidden, hidden_states=tuple(states) if asked else None
        )


class FactoredForMaskedLM(WithOutput, FactoredPreTrainedModel):
    """Factored attention that predicts the token at each position, where a mask stands."""

    def __init__(self, config: FactoredConfig) -> None:
        """Make a model with random weights."""
        super().__init__(config)
        self.factored = FactoredModel(config)
        self.output = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool | None = None,
        places: Tensor | None = None,
        **_: Any,
    ) -> FactoredOutput:
        """Read tokens as `FactoredModel` does, and give logits of the token at each place."""
        found = self.factored(
            input_ids,
            attention_mask,
            inputs_embeds=inputs_embeds,
            output_hidden_states=output_hidden_states,
            places=places,
        )
        found.logits = self.output(found.last_hidden_state) + self.bias
        return found


def register() -> None:
    """Tell transformers' Auto classes of the architecture."""
    AutoConfig.register(FactoredConfig.model_type, FactoredConfig, exist_ok=True)
    AutoModel.register(FactoredConfig, FactoredModel, exist_ok=True)
    AutoModelForMaskedLM.register(FactoredConfig, FactoredForMaskedLM, exist_ok=True)
