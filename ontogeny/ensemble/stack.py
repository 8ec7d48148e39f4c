"""A stack: the parameters of many models of one architecture, in one buffer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ontogeny.ensemble.architecture import (
    DECODER_BIAS,
    WORD_EMBEDDINGS,
    Bert,
    Weights,
    as_weights,
)
from ontogeny.ensemble.random_streams import random_stream
from ontogeny.errors import ConfigError

if TYPE_CHECKING:
    from transformers import BertForMaskedLM

# The parameters that have a row for each token.
OF_TOKENS = (WORD_EMBEDDINGS, DECODER_BIAS)


class Stack:
    """Parameters of many models, `flat` (members, parameters), and room for their gradients.

    `parameters` and `gradients` show both by transformers' names, as views (members, *shape) of the
    buffers: what is written there is written in the model. `vocabularies` says how many tokens each
    member has; the rows that others have beyond that are zero and stay out of its softmax.
    """

    def __init__(self, architecture: Bert, flat: Tensor, vocabularies: Sequence[int]) -> None:
        """Take `flat` (members, parameters) as it is, in the order of `Bert.shapes`.

        Raises `ConfigError` if a vocabulary is larger than the architecture's.
        """
        if flat.shape != (len(vocabularies), architecture.size()) or not vocabularies:
            raise ValueError(
                f"parameters {tuple(flat.shape)}; expected {len(vocabularies)} members (at least "
                f"one) of {architecture.size()}"
            )
        largest = max(vocabularies)
        if not 0 < min(vocabularies) <= largest <= architecture.vocabulary:
            raise ConfigError(
                f"vocabulary: members have {min(vocabularies)} to {largest} tokens; expected 1 to "
                f"the architecture's {architecture.vocabulary}."
            )
        self.architecture = architecture
        self.flat = flat
        self.flat_gradients = torch.zeros_like(flat)
        self.vocabularies = tuple(vocabularies)

    @staticmethod
    def initialise(
        architecture: Bert,
        seeds: Sequence[int],
        vocabularies: Sequence[int] | None = None,
        device: torch.device | str = "cpu",
    ) -> "Stack":
        """Return untrained models: weights normal, biases and shifts 0, gains 1.

        A member depends on its seed and its own vocabulary alone, on every device: not on the
        others, and not on the padding of vocabularies. The distribution is that of transformers'
        BERT, the numbers are others.
        """
        vocabularies = vocabularies or [architecture.vocabulary] * len(seeds)
        stack = Stack(
            architecture, torch.zeros(len(seeds), architecture.size()), tuple(vocabularies)
        )
        for member, seed in enumerate(seeds):
            generator = random_stream(seed, "initialisation")
            for name, values in stack.parameters.items():
                own = values[member]
                if name in OF_TOKENS:
                    own = own[: vocabularies[member]]
                if own.ndim == 2:
                    own.normal_(0, architecture.initial_deviation, generator=generator)
                elif name.endswith("LayerNorm.weight"):
                    own.fill_(1)
        if architecture.padding_token is not None:
            stack.parameters[WORD_EMBEDDINGS][:, architecture.padding_token] = 0
        return stack.to(device)

    @staticmethod
    def from_transformers(
        models: "Sequence[BertForMaskedLM]", device: torch.device | str = "cpu"
    ) -> "Stack":
        """Return a stack of copies of models; they may differ in vocabulary and in nothing else.

        Raises `ConfigError` if they differ otherwise, or are none that `Bert.of` knows.
        """
        sizes = [Bert.of(model.config) for model in models]
        largest = max(size.vocabulary for size in sizes)
        architecture = replace(sizes[0], vocabulary=largest)
        for number, size in enumerate(sizes):
            if replace(size, vocabulary=largest) != architecture:
                raise ConfigError(
                    f"model {number}: is {size}; expected that of model 0, {sizes[0]}, but for the "
                    "vocabulary."
                )
        stack = Stack(
            architecture,
            torch.zeros(len(models), architecture.size()),
            [size.vocabulary for size in sizes],
        )
        for member, model in enumerate(models):
            state = model.state_dict()
            for name, values in stack.parameters.items():
                own = values[member]
                own[: len(state[name])] = state[name].detach()
        return stack.to(device)

    def to_transformers(self, member: int) -> "BertForMaskedLM":
        """Return a copy of a member as transformers' model, on the CPU, ready to be evaluated."""
        from transformers import BertForMaskedLM

        vocabulary = self.vocabularies[member]
        with torch.random.fork_rng(devices=[]):
            model = BertForMaskedLM(self.architecture.config(vocabulary))
        state = {
            name: (values[member, :vocabulary] if name in OF_TOKENS else values[member])
            .detach()
            .cpu()
            .clone()
            for name, values in self.parameters.items()
        }
        # Absent are only the decoder's names for the tied weights.
        model.load_state_dict(state, strict=False)
        model.tie_weights()
        return model.eval()

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self.flat)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.flat.device

    def to(self, device: torch.device | str) -> "Stack":
        """Return the stack on a device; the same stack if it is there."""
        if torch.device(device) == self.device:
            return self
        return Stack(self.architecture, self.flat.to(device), self.vocabularies)

    def take(self, members: Sequence[int]) -> "Stack":
        """Return a stack of copies of some members, in the given order."""
        index = torch.tensor(list(members), device=self.device)
        return Stack(self.architecture, self.flat[index], [self.vocabularies[i] for i in members])

    @cached_property
    def parameters(self) -> dict[str, Tensor]:
        """Each parameter, (members, *shape), by its name in transformers."""
        return self.named(self.flat)

    @cached_property
    def gradients(self) -> dict[str, Tensor]:
        """Each parameter's gradient, (members, *shape), by its name in transformers."""
        return self.named(self.flat_gradients)

    @cached_property
    def unused_tokens(self) -> Tensor | None:
        """Minus infinity for the tokens that a member doesn't have, else 0; (members, vocabulary).

        None if every member has all.
        """
        if min(self.vocabularies) == self.architecture.vocabulary:
            return None
        sizes = torch.tensor(self.vocabularies, device=self.device)
        tokens = torch.arange(self.architecture.vocabulary, device=self.device)
        zero = torch.zeros((), device=self.device)
        return torch.where(tokens < sizes[:, None], zero, -torch.inf)

    def weights(self, first: int, last: int) -> Weights:
        """Return the parameters of the members from `first` to before `last`, for computing."""
        return self._arranged("parameters", first, last)

    def weight_gradients(self, first: int, last: int) -> Weights:
        """Return the gradients of the members from `first` to before `last`, to be written."""
        return self._arranged("gradients", first, last)

    @cached_property
    def _cache(self) -> dict[tuple[str, int, int], Weights]:
        return {}

    def _arranged(self, what: str, first: int, last: int) -> Weights:
        key = what, first, last
        if key not in self._cache:
            named = {
                name: values[first:last] if values.ndim == 3 else values[first:last, None]
                for name, values in getattr(self, what).items()
            }
            self._cache[key] = as_weights(self.architecture, named)
        return self._cache[key]

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Show a buffer shaped as `flat`, such as an optimiser's, by transformers' names."""
        named, start = {}, 0
        for name, shape in self.architecture.shapes().items():
            size = torch.Size(shape).numel()
            named[name] = flat[:, start : start + size].unflatten(1, shape)
            start += size
        return named

    def redraw_embeddings(
        self,
        generators: Sequence[torch.Generator],
        members: Sequence[int] | None = None,
        tokens: Tensor | None = None,
    ) -> None:
        """Draw token embeddings again from the initial distribution, in place.

        Of all members or of some, with one generator each; of all tokens that the member has, or of
        `tokens` (count,), ids. The decoder is tied to them, so it forgets as well; its bias and
        everything else stay.
        """
        chosen = range(len(self)) if members is None else members
        words = self.parameters[WORD_EMBEDDINGS]
        width, deviation = self.architecture.width, self.architecture.initial_deviation
        for member, generator in zip(chosen, generators, strict=True):
            vocabulary = self.vocabularies[member]
            ids = torch.arange(vocabulary) if tokens is None else tokens
            rows = torch.empty(len(ids), width, device=generator.device)
            rows.normal_(0, deviation, generator=generator)
            words[member, ids.to(self.device)] = rows.to(self.device)
            if self.architecture.padding_token is not None:
                words[member, self.architecture.padding_token] = 0

    @contextmanager
    def temporarily_redrawn(
        self, generators: Sequence[torch.Generator], tokens: Tensor
    ) -> Iterator[None]:
        """Redraw the embeddings of `tokens` (count,) for the block; then put them back."""
        words = self.parameters[WORD_EMBEDDINGS]
        index = tokens.to(self.device)
        kept = words[:, index].clone()
        try:
            self.redraw_embeddings(generators, tokens=tokens)
            yield
        finally:
            words[:, index] = kept
