"""Stacks of BERTs, whose members may differ in vocabulary."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from ontogeny.ensemble.bert.architecture import (
    DECODER_BIAS,
    WORD_EMBEDDINGS,
    Bert,
    Weights,
    as_weights,
)
from ontogeny.ensemble.bert.objective import Batch, losses, losses_and_gradients
from ontogeny.ensemble.random_streams import random_stream
from ontogeny.ensemble.stack import Stack
from ontogeny.errors import ConfigError

if TYPE_CHECKING:
    from transformers import BertForMaskedLM

# The parameters that have a row for each token.
OF_TOKENS = (WORD_EMBEDDINGS, DECODER_BIAS)


class BertStack(Stack):
    """Parameters of many BERTs, by the names that transformers gives them.

    `vocabularies` says how many tokens each member has; the rows that others have beyond that are
    zero and stay out of its softmax.
    """

    def __init__(self, architecture: Bert, flat: Tensor, vocabularies: Sequence[int]) -> None:
        """Take `flat` (members, parameters) as it is, in the order of `Bert.shapes`.

        Raises `ConfigError` if a vocabulary is larger than the architecture's.
        """
        super().__init__(architecture.shapes(), flat)
        if len(vocabularies) != len(flat):
            raise ValueError(f"{len(vocabularies)} vocabularies; expected one for each member")
        largest = max(vocabularies)
        if not 0 < min(vocabularies) <= largest <= architecture.vocabulary:
            raise ConfigError(
                f"vocabulary: members have {min(vocabularies)} to {largest} tokens; expected 1 to "
                f"the architecture's {architecture.vocabulary}."
            )
        self.architecture = architecture
        self.vocabularies = tuple(vocabularies)

    @staticmethod
    def initialise(
        architecture: Bert,
        seeds: Sequence[int],
        vocabularies: Sequence[int] | None = None,
        device: torch.device | str = "cpu",
    ) -> "BertStack":
        """Return untrained models: weights normal, biases and shifts 0, gains 1.

        A member depends on its seed and its own vocabulary alone, on every device: not on the
        others, and not on the padding of vocabularies. The distribution is that of transformers'
        BERT, the numbers are others.
        """
        vocabularies = vocabularies or [architecture.vocabulary] * len(seeds)
        stack = BertStack(
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
    ) -> "BertStack":
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
        stack = BertStack(
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

    def losses_and_gradients(
        self,
        batch: Batch,
        dropout: Sequence[torch.Generator] | None = None,
        *,
        carried: Mapping[str, Tensor] | None = None,
        members_at_once: int | None = None,
        in_machine_code: bool = True,
    ) -> Tensor:
        """Do as the function `losses_and_gradients`. Nothing is carried by a BERT."""
        if carried:
            raise ValueError("a BERT carries nothing from one update to the next")
        return losses_and_gradients(
            self, batch, dropout, members_at_once, in_machine_code=in_machine_code
        )

    def losses(self, batch: Batch, *, carried: Mapping[str, Tensor] | None = None) -> Tensor:
        """Do as the function `losses`."""
        return losses(self, batch)

    def description(self) -> dict[str, Any]:
        """Return the architecture."""
        return asdict(self.architecture)

    def member_description(self, member: int) -> dict[str, Any]:
        """Return the size of the member's vocabulary."""
        return {"vocabulary": self.vocabularies[member]}

    def _with(self, flat: Tensor, members: Sequence[int]) -> Self:
        return type(self)(self.architecture, flat, [self.vocabularies[i] for i in members])

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
        deviation = self.architecture.initial_deviation
        for member, generator in zip(chosen, generators, strict=True):
            self.redraw(WORD_EMBEDDINGS, member, generator, deviation, tokens)

    def redraw(
        self,
        parameter: str,
        member: int,
        generator: torch.Generator,
        deviation: float,
        rows: Tensor | None = None,
    ) -> None:
        """Do as `Stack.redraw`; rows of tokens that the member doesn't have stay zero."""
        if parameter in OF_TOKENS:
            rows = torch.arange(self.vocabularies[member]) if rows is None else rows
        padding = self.architecture.padding_token
        if parameter == WORD_EMBEDDINGS and rows is not None and padding is not None:
            rows = rows[rows != padding]
        super().redraw(parameter, member, generator, deviation, rows)

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
