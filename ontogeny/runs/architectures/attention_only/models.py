"""Transformers of attention alone, as transformers' Auto classes know models."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    initialization,
)
from transformers.utils import ModelOutput

from ontogeny.runs.architectures.causal_attention import CausalAttention, causal_mask
from ontogeny.runs.architectures.embeddings import WithEmbedding, WithOutput


class AttentionOnlyConfig(PreTrainedConfig):
    """The configuration of a transformer of attention alone."""

    model_type = "ontogeny_attention_only"

    vocab_size: int = 5_000
    hidden_size: int = 256
    num_hidden_layers: int = 2
    num_attention_heads: int = 8
    max_position_embeddings: int = 1024
    initializer_range: float = 0.02
    layer_norm_epsilon: float = 1e-5
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | None = None
    tie_word_embeddings: bool = False


@dataclass
class AttentionOnlyOutput(ModelOutput):
    """What such a model gives.

    `last_hidden_state` (batch, tokens, width), after the last norm; `logits` (batch, tokens,
    vocabulary), if it predicts; if asked for, `hidden_states`, layers + 1 of (batch, tokens,
    width), the first being the embeddings, and `attentions`, layers of (batch, heads, tokens,
    tokens).
    """

    last_hidden_state: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class Layer(nn.Module):
    """A norm, attention, and the way around both."""

    def __init__(self, config: AttentionOnlyConfig) -> None:
        """Make room for the weights."""
        super().__init__()
        self.norm = nn.LayerNorm(config.hidden_size, config.layer_norm_epsilon)
        self.attention = CausalAttention(
            config.hidden_size, config.num_attention_heads, config.max_position_embeddings
        )

    def forward(self, inputs: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the hidden states after the layer, and the weights of attention."""
        read, weights = self.attention(self.norm(inputs), mask)
        return inputs + read, weights


class AttentionOnlyPreTrainedModel(PreTrainedModel):
    """What all models of this architecture have in common."""

    config_class = AttentionOnlyConfig
    base_model_prefix = "transformer"

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding | nn.Linear):
            initialization.normal_(module.weight, 0.0, self.config.initializer_range)
        elif isinstance(module, nn.LayerNorm):
            initialization.ones_(module.weight)
            initialization.zeros_(module.bias)


class AttentionOnlyModel(WithEmbedding, AttentionOnlyPreTrainedModel):
    """A transformer of attention alone, without the layer that predicts."""

    def __init__(self, config: AttentionOnlyConfig) -> None:
        """Make a model with random weights."""
        super().__init__(config)
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(config.hidden_size, config.layer_norm_epsilon)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        **_: Any,
    ) -> AttentionOnlyOutput:
        """Read tokens, `input_ids` (batch, tokens), or their embeddings, `inputs_embeds`.

        `attention_mask` (batch, tokens) is 0 where there is no token; those stand at the end.
        """
        hidden = self.embedding(input_ids) if inputs_embeds is None else inputs_embeds
        longest = self.config.max_position_embeddings
        if hidden.shape[-2] > longest:
            raise ValueError(f"{hidden.shape[-2]} tokens; expected at most {longest}")
        mask = causal_mask(hidden, attention_mask)
        hidden_states, attentions = [hidden], []
        for layer in self.layers:
            hidden, weights = layer(hidden, mask)
            hidden_states.append(hidden)
            attentions.append(weights)
        hidden_states[-1] = self.norm(hidden)
        config = self.config
        states = (
            config.output_hidden_states if output_hidden_states is None else output_hidden_states
        )
        asked = config.output_attentions if output_attentions is None else output_attentions
        return AttentionOnlyOutput(
            last_hidden_state=hidden_states[-1],
            hidden_states=tuple(hidden_states) if states else None,
            attentions=tuple(attentions) if asked else None,
        )


class AttentionOnlyForCausalLM(WithOutput, AttentionOnlyPreTrainedModel):
    """A transformer of attention alone that predicts each word from those before it."""

    def __init__(self, config: AttentionOnlyConfig) -> None:
        """Make a model with random weights."""
        super().__init__(config)
        self.transformer = AttentionOnlyModel(config)
        self.output = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        **_: Any,
    ) -> AttentionOnlyOutput:
        """Read tokens as `AttentionOnlyModel` does, and give logits of the next at each."""
        found = self.transformer(
            input_ids,
            attention_mask,
            inputs_embeds=inputs_embeds,
            output_hidden_states=output_hidden_states,
            output_attentions=output_attentions,
        )
        logits = self.output(found.last_hidden_state)
        return AttentionOnlyOutput(
            found.last_hidden_state, logits, found.hidden_states, found.attentions
        )


def register() -> None:
    """Tell transformers' Auto classes of these models."""
    AutoConfig.register(AttentionOnlyConfig.model_type, AttentionOnlyConfig, exist_ok=True)
    AutoModel.register(AttentionOnlyConfig, AttentionOnlyModel, exist_ok=True)
    AutoModelForCausalLM.register(AttentionOnlyConfig, AttentionOnlyForCausalLM, exist_ok=True)
