"""Where transformers finds the embeddings and the output layer of the models defined here."""

from torch import nn


class WithEmbedding:
    """A model that embeds tokens by its layer `embedding`."""

    embedding: nn.Embedding

    def get_input_embeddings(self) -> nn.Module:
        """Return the layer of embeddings."""
        return self.embedding

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the layer of embeddings."""
        self.embedding = value  # type: ignore[assignment]


class WithOutput:
    """A model that predicts tokens by its layer `output`."""

    output: nn.Linear

    def get_output_embeddings(self) -> nn.Module:
        """Return the output layer."""
        return self.output

    def set_output_embeddings(self, value: nn.Module) -> None:
        """Replace the output layer."""
        self.output = value  # type: ignore[assignment]
