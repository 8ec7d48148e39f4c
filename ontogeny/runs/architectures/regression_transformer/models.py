"""Transformers that read examples of a linear function and predict its next value."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel, initialization

from ontogeny.runs.architectures.causal_attention import CausalAttention, causal_mask


class RegressionTransformerConfig(PreTrainedConfig):
    """The configuration; the defaults are the published sizes, of about 50,000 parameters.

    `dimensions` is D, that of inputs; `examples` is K, how many of them a context has.
    """

    model_type = "ontogeny_regression_transformer"

    dimensions: int = 4
    examples: int = 8
    hidden_size: int = 64
    intermediate_size: int = 64
    num_hidden_layers: int = 2
    num_attention_heads: int = 4
    initializer_range: float = 0.02
    layer_norm_epsilon: float = 1e-5


class Block(nn.Module):
    """Attention and a feed-forward layer, a norm before each and a way around both."""

    def __init__(self, config: RegressionTransformerConfig) -> None:
        """Make room for the weights."""
        super().__init__()
        width, epsilon = config.hidden_size, config.layer_norm_epsilon
        self.attention_norm = nn.LayerNorm(width, epsilon)
        self.attention = CausalAttention(width, config.num_attention_heads)
        self.feedforward_norm = nn.LayerNorm(width, epsilon)
        self.rise = nn.Linear(width, config.intermediate_size)
        self.fall = nn.Linear(config.intermediate_size, width)

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Return the hidden states after the block, as `inputs` (batch, tokens, width)."""
        between = inputs + self.attention(self.attention_norm(inputs), mask)[0]
        risen = nn.functional.gelu(self.rise(self.feedforward_norm(between)))
        after: Tensor = between + self.fall(risen)
        return after


class RegressionTransformer(PreTrainedModel):
    """Predicts y of each example from its x, and from the examples before it.

    An example is two tokens: x as (0, x) and y as (y, 0, ..., 0), of D + 1 dimensions, embedded
    linearly; each place has a learned vector, which is added (Raventos et al. 2023, appendix A).
    """

    config_class = RegressionTransformerConfig
    base_model_prefix = "transformer"

    def __init__(self, config: RegressionTransformerConfig) -> None:
        """Make a model with random weights."""
        super().__init__(config)
        self.embedding = nn.Linear(config.dimensions + 1, config.hidden_size)
        self.position = nn.Embedding(2 * config.examples, config.hidden_size)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(config.hidden_size, config.layer_norm_epsilon)
        self.unembedding = nn.Linear(config.hidden_size, 1)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding | nn.Linear):
            initialization.normal_(module.weight, 0.0, self.config.initializer_range)
            if isinstance(module, nn.Linear) and module.bias is not None:
                initialization.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            initialization.ones_(module.weight)
            initialization.zeros_(module.bias)

    def forward(self, x: Tensor, y: Tensor, **_: Any) -> Tensor:
        """Return predictions of y, (batch, examples), of `x` (batch, examples, D) and `y`.

        The prediction for an example depends on its x and on the x and y of those before.
        """
        tokens = torch.cat(
            [
                torch.cat([torch.zeros_like(y)[..., None], x], dim=-1)[..., None, :],
                torch.cat([y[..., None], torch.zeros_like(x)], dim=-1)[..., None, :],
            ],
            dim=-2,
        ).flatten(-3, -2)
        hidden = self.embedding(tokens) + self.position.weight[: tokens.shape[-2]]
        mask = causal_mask(hidden)
        for block in self.blocks:
            hidden = block(hidden, mask)
        predictions: Tensor = self.unembedding(self.norm(hidden[..., 0::2, :]))[..., 0]
        return predictions


def register() -> None:
    """Tell transformers' Auto classes of this model."""
    name = RegressionTransformerConfig.model_type
    AutoConfig.register(name, RegressionTransformerConfig, exist_ok=True)
    AutoModel.register(RegressionTransformerConfig, RegressionTransformer, exist_ok=True)
