"""LSTMs as transformers' Auto classes know models: alone, predicting words, and tagging them."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForTokenClassification,
    PreTrainedConfig,
    PreTrainedModel,
    initialization,
)
from transformers.utils import ModelOutput

from ontogeny.runs.architectures.embeddings import WithEmbedding, WithOutput
from ontogeny.runs.recurrence import State, lstm_layer

# The parameters of a layer in `torch.nn.LSTM`, in its order.
PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class LstmConfig(PreTrainedConfig):
    """The configuration of an LSTM.

    `dropout` is the share dropped of whatever a layer or the output reads. Embedding and output
    begin uniform within `initializer_range` on both sides of 0, as in PyTorch's example; recurrent
    layers as `torch.nn.LSTM`, within 1 / sqrt(width).
    """

    model_type = "ontogeny_lstm"

    vocab_size: int = 10_000
    hidden_size: int = 200
    num_hidden_layers: int = 2
    dropout: float | int = 0.2
    initializer_range: float = 0.1
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | None = None
    tie_word_embeddings: bool = False


@dataclass
class LstmOutput(ModelOutput):
    """What an LSTM gives.

    `last_hidden_state` (batch, tokens, width); `logits` (batch, tokens, vocabulary or tags), if it
    predicts something; `hidden_states`, if asked for, layers + 1 of (batch, tokens, width), the
    first being the embeddings; `state`, hidden states and cells after the last token, (layers,
    batch, width) each.
    """

    last_hidden_state: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    state: State | None = None


class Recurrence(nn.Module):
    """Stacked recurrent layers, whose parameters have the names that `torch.nn.LSTM` gives them."""

    def __init__(self, width: int, layers: int) -> None:
        """Make room for the parameters; `LstmPreTrainedModel` draws them."""
        super().__init__()
        self.width, self.layers = width, layers
        for layer in range(layers):
            for part in PARTS:
                shape = (4 * width, width) if part.startswith("weight") else (4 * width,)
                self.register_parameter(f"{part}_l{layer}", nn.Parameter(torch.empty(shape)))

    def weights(self, layer: int) -> list[Tensor]:
        """Return the parameters of a layer, counted from 0, in the order of `PARTS`."""
        return [getattr(self, f"{part}_l{layer}") for part in PARTS]

    def forward(
        self, layer: int, inputs: Tensor, state: State, attended: Tensor | None, plain: bool
    ) -> tuple[Tensor, State]:
        """Return the hidden states (batch, tokens, width) of a layer, and the state it ends with.

        `state` are a hidden state and a cell, (batch, width) each. With `plain`, operations are
        plain ones (`lstm_layer`), which is slower but can be computed for many models at once.
        """
        weights = self.weights(layer)
        if plain or attended is not None:
            of_input, recurrent, *biases = weights
            return lstm_layer(inputs, state, of_input, recurrent, biases[0], biases[1], attended)
        before = (state[0][None], state[1][None])
        states, hidden, cell = torch.lstm(
            inputs, before, weights, True, 1, 0.0, torch.is_grad_enabled(), False, True
        )
        return states, (hidden[0], cell[0])


class LstmPreTrainedModel(PreTrainedModel):
    """What all models of this architecture have in common."""

    config_class = LstmConfig
    base_model_prefix = "lstm"
    # "sdpa" stands for PyTorch's own kernel, "eager" for plain operations: whoever asks a model of
    # transformers for the latter, to compute many at once, asks this one in the same words.
    _supports_sdpa = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, Recurrence):
            bound = 1 / math.sqrt(module.width)
            for values in module.parameters():
                initialization.uniform_(values, -bound, bound)
        elif isinstance(module, nn.Embedding | nn.Linear):
            bound = self.config.initializer_range
            initialization.uniform_(module.weight, -bound, bound)
            if isinstance(module, nn.Linear):
                initialization.zeros_(module.bias)


class LstmModel(WithEmbedding, LstmPreTrainedModel):
    """An LSTM without a layer that predicts something."""

    def __init__(self, config: LstmConfig) -> None:
        """Make a model with random weights."""
        super().__init__(config)
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.recurrence = Recurrence(config.hidden_size, config.num_hidden_layers)
        self.dropout = nn.Dropout(config.dropout)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        state: State | None = None,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool | None = None,
        **_: Any,
    ) -> LstmOutput:
        """Read tokens, `input_ids` (batch, tokens), or their embeddings, `inputs_embeds`.

        `attention_mask` (batch, tokens) is 0 where there is no token: there the state stays as it
        is. `state` is one that a call before gave, of the same batch; without one, all are 0.
        """
        if inputs_embeds is None:
            inputs_embeds = self.embedding(input_ids)
        plain = self.config._attn_implementation == "eager"
        # In plain operations alone nothing may look at what a mask holds.
        if attention_mask is not None and not plain and bool(attention_mask.all()):
            attention_mask = None
        if state is None:
            zeros = inputs_embeds.new_zeros(
                self.config.num_hidden_layers, len(inputs_embeds), self.config.hidden_size
            )
            state = (zeros, zeros)
        hidden_states, after = [inputs_embeds], []
        for layer in range(self.config.num_hidden_layers):
            before = (state[0][layer], state[1][layer])
            hidden, last = self.recurrence(
                layer, self.dropout(hidden_states[-1]), before, attention_mask, plain
            )
            hidden_states.append(hidden)
            after.append(last)
        asked = (
            self.config.output_hidden_states
            if output_hidden_states is None
            else output_hidden_states
        )
        return LstmOutput(
            last_hidden_state=hidden_states[-1],
            hidden_states=tuple(hidden_states) if asked else None,
            state=(torch.stack([h for h, _ in after]), torch.stack([c for _, c in after])),
        )


class _Predicting(LstmPreTrainedModel):
    """An LSTM whose last layer is read by an output layer."""

    def __init__(self, config: LstmConfig, outputs: int) -> None:
        super().__init__(config)
        self.lstm = LstmModel(config)
        self.output = nn.Linear(config.hidden_size, outputs)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        state: State | None = None,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool | None = None,
        **_: Any,
    ) -> LstmOutput:
        """Read tokens as `LstmModel` does, and give logits of what is predicted at each."""
        found = self.lstm(
            input_ids,
            attention_mask,
            state=state,
            inputs_embeds=inputs_embeds,
            output_hidden_states=output_hidden_states,
        )
        logits = self.output(self.lstm.dropout(found.last_hidden_state))
        return LstmOutput(found.last_hidden_state, logits, found.hidden_states, found.state)


class LstmForCausalLM(WithOutput, _Predicting):
    """An LSTM that predicts each word from those before it."""

    def __init__(self, config: LstmConfig) -> None:
        """Make a model with random weights."""
        super().__init__(config, config.vocab_size)


class LstmForTokenClassification(_Predicting):
    """An LSTM that tags words: with the word's own tag, or the next word's."""

    def __init__(self, config: LstmConfig) -> None:
        """Make a model with random weights, of `config.num_labels` tags."""
        super().__init__(config, config.num_labels or 0)


def register() -> None:
    """Tell transformers' Auto classes of these models."""
    AutoConfig.register(LstmConfig.model_type, LstmConfig, exist_ok=True)
    AutoModel.register(LstmConfig, LstmModel, exist_ok=True)
    AutoModelForCausalLM.register(LstmConfig, LstmForCausalLM, exist_ok=True)
    AutoModelForTokenClassification.register(LstmConfig, LstmForTokenClassification, exist_ok=True)
