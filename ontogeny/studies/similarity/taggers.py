"""Taggers: recurrent networks of one layer, all trained side by side on the same text."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ontogeny.corpora.corpus import SPLITS
from ontogeny.files import atomic_path
from ontogeny.studies.similarity.text import NO_TAG, Member, TaggedText

UNKNOWN = "<unk>"
INITIAL_RANGE = 0.1  # of embeddings and output, as in the code of the publication
MEASURED_AT_ONCE = 64  # sentences


@dataclass(frozen=True)
class Text:
    """Sentences as numbers: `words` (words,), and how many each sentence has, (sentences,)."""

    words: Tensor
    lengths: Tensor

    def batches(self, order: Sequence[int], size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the places of some sentences' words, padded with 0, and where there is a word.

        Shapes: (size, longest), the same.
        """
        starts = self.lengths.cumsum(0) - self.lengths
        for first in range(0, len(order), size):
            rows = torch.as_tensor(order[first : first + size])
            places = torch.arange(int(self.lengths[rows].max()))
            there = places < self.lengths[rows][:, None]
            yield torch.where(there, starts[rows][:, None] + places, 0), there


class Taggers:
    """Taggers of one shape, `members` of them, which read the same words.

    `vocabulary` numbers the words. `parameters` are: `embedding` (members, types, width),
    `input` and `recurrent` (members, width, 4 * width) and `bias` (members, 4 * width) of the
    gates in the order of `torch.nn.LSTM`, `output` (members, width, classes) and `output_bias`
    (members, classes), of which a member with fewer classes, `classes` (members,), uses the first.
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        classes: Sequence[int],
        parameters: dict[str, Tensor],
        lowercase: bool = True,
    ) -> None:
        """Take the parameters as they are."""
        self.vocabulary, self.classes = dict(vocabulary), tuple(classes)
        self.parameters, self.lowercase = parameters, lowercase
        beyond = torch.arange(max(classes)) >= torch.tensor(self.classes)[:, None]
        self.absent = torch.zeros(beyond.shape).masked_fill(beyond, -math.inf)

    def numbered(self, sentences: pd.DataFrame) -> Text:
        """Return sentences with their words numbered; what isn't known is `UNKNOWN`."""
        unknown = self.vocabulary[UNKNOWN]
        words = [
            self.vocabulary.get(word.lower() if self.lowercase else word, unknown)
            for sentence in sentences["words"]
            for word in sentence
        ]
        lengths = sentences["words"].map(len).to_numpy()
        return Text(torch.tensor(words), torch.from_numpy(lengths.astype(np.int64)))

    def read(
        self, words: Tensor, dropout: float = 0.0, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return embeddings, hidden states and logits of the numbered `words` (batch, tokens).

        Shapes: (members, batch, tokens, width) twice, (members, batch, tokens, classes), the logits
        of classes that a member lacks being -inf. Each sentence begins with a state of zeros. A
        share `dropout` of what the layer and the output read is dropped, by masks of each member's
        own.
        """
        own = self.parameters
        embedded = own["embedding"][:, words]
        members, batch, tokens, width = embedded.shape
        flat = _dropped(embedded, dropout, generator).flatten(1, 2)
        inputs = torch.baddbmm(own["bias"][:, None], flat, own["input"])
        inputs = inputs.view(members, batch, tokens, 4 * width)
        hidden = cell = embedded.new_zeros(members, batch, width)
        states = []
        for token in range(tokens):
            gates = torch.baddbmm(inputs[:, :, token], hidden, own["recurrent"])
            enter, keep, candidate, leave = gates.chunk(4, -1)
            cell = keep.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
            hidden = leave.sigmoid() * cell.tanh()
            states.append(hidden)
        hidden = torch.stack(states, 2)
        flat = _dropped(hidden, dropout, generator).flatten(1, 2)
        logits = torch.baddbmm((own["output_bias"] + self.absent)[:, None], flat, own["output"])
        return embedded, hidden, logits.view(members, batch, tokens, -1)

    @torch.inference_mode()
    def states(self, sentences: pd.DataFrame) -> tuple[Tensor, Tensor]:
        """Return embedding and hidden state of each word, (members, words, width) each."""
        text = self.numbered(sentences)
        shape = (len(self.classes), len(text.words), self.parameters["input"].shape[1])
        embeddings, hidden = torch.empty(shape), torch.empty(shape)
        order = torch.argsort(text.lengths, stable=True).tolist()
        for places, there in text.batches(order, MEASURED_AT_ONCE):
            embedded, recurrent, _ = self.read(text.words[places])
            embeddings[:, places[there]] = embedded[:, there]
            hidden[:, places[there]] = recurrent[:, there]
        return embeddings, hidden

    @torch.inference_mode()
    def scores(self, sentences: pd.DataFrame, tags: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean cross-entropy and accuracy of each member on the `tags` (members, words)."""
        text = self.numbered(sentences)
        loss, right = torch.zeros(2, len(self.classes), dtype=torch.float64)
        for places, there in text.batches(range(len(text.lengths)), MEASURED_AT_ONCE):
            logits = self.read(text.words[places])[2]
            gold = torch.where(there, tags[:, places], NO_TAG)
            loss += (_cross_entropy(logits, gold)).sum((1, 2), dtype=torch.float64)
            right += (logits.argmax(-1) == gold).sum((1, 2))
        counted = (tags != NO_TAG).sum(1)
        return loss / counted, right / counted


def train(text: TaggedText, settings: Mapping[str, Any], seed: int) -> Taggers:
    """Train a tagger for each member of a text, all in lockstep.

    As published for the language model (Saphra and Lopez 2019, section 3): stochastic gradient
    descent without momentum, its learning rate multiplied by `decay_factor` after each pass in
    which a member's own dev loss wasn't below its lowest before; each member's gradient clipped at
    `max_gradient_norm`; dropout. `settings` are these, `width`, `epochs`, `batch_size` (sentences),
    `learning_rate`, `dropout`, `lowercase` and `least_count` (below which a word is unknown). The
    sentences of a pass come in random order, the same for all members.
    """
    generator = torch.Generator().manual_seed(seed)
    taggers = _initialised(text, settings, generator)
    parameters = taggers.parameters
    train_text = taggers.numbered(text.parts["train"])
    tags = {split: torch.from_numpy(text.tags[split]) for split in SPLITS}
    rate = torch.full((len(text.members),), float(settings["learning_rate"]))
    lowest = torch.full((len(text.members),), math.inf, dtype=torch.float64)
    for values in parameters.values():
        values.requires_grad_()
    for _ in range(settings["epochs"]):
        order = torch.randperm(len(train_text.lengths), generator=generator).tolist()
        for places, there in train_text.batches(order, settings["batch_size"]):
            gold = torch.where(there, tags["train"][:, places], NO_TAG)
            logits = taggers.read(train_text.words[places], settings["dropout"], generator)[2]
            counted = (gold != NO_TAG).sum((1, 2)).clamp(min=1)
            loss = _cross_entropy(logits, gold).sum((1, 2)) / counted
            gradients = torch.autograd.grad(loss.sum(), list(parameters.values()))
            _descend(list(parameters.values()), gradients, rate, settings["max_gradient_norm"])
        loss = taggers.scores(text.parts["dev"], tags["dev"])[0]
        rate = torch.where(loss < lowest, rate, rate * settings["decay_factor"])
        lowest = torch.minimum(lowest, loss)
    taggers.parameters = {name: values.detach() for name, values in parameters.items()}
    return taggers


def write(taggers: Taggers, members: Sequence[Member], path: str) -> None:
    """Write taggers as safetensors, with what they are, whole or not at all."""
    metadata = {
        "members": json.dumps([vars(member) for member in members]),
        "vocabulary": json.dumps(list(taggers.vocabulary)),
        "classes": json.dumps(taggers.classes),
        "lowercase": json.dumps(taggers.lowercase),
    }
    with atomic_path(path) as scratch:
        save_file({k: v.contiguous() for k, v in taggers.parameters.items()}, scratch, metadata)


def read(path: str) -> tuple[Taggers, list[Member]]:
    """Read what `write` wrote."""
    with safe_open(path, framework="pt") as file:
        metadata = {key: json.loads(text) for key, text in file.metadata().items()}
        parameters = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    vocabulary = {word: number for number, word in enumerate(metadata["vocabulary"])}
    taggers = Taggers(vocabulary, metadata["classes"], parameters, metadata["lowercase"])
    return taggers, [Member(**member) for member in metadata["members"]]


def table(text: TaggedText, taggers: Taggers) -> pd.DataFrame:
    """Return the rows of the table of taggers, but for the domain."""
    loss, accuracy = taggers.scores(text.parts["test"], torch.from_numpy(text.tags["test"]))
    documents = text.parts["train"]["document_id"].nunique()
    rows = []
    for place, member in enumerate(text.members):
        counted = {split: text.tags[split][place] != NO_TAG for split in SPLITS}
        trained = text.tags["train"][place][counted["train"]]
        tested = text.tags["test"][place][counted["test"]]
        values = {
            "classes": text.classes[place],
            "documents": documents,
            **{f"{split}_words": counted[split].sum() for split in SPLITS},
            "accuracy": accuracy[place].item(),
            "perplexity": math.exp(loss[place].item()),
            "majority_accuracy": (tested == np.bincount(trained).argmax()).mean(),
        }
        rows += [{**vars(member), "metric": name, "value": v} for name, v in values.items()]
    return pd.DataFrame(rows).astype({"value": float})


def _initialised(
    text: TaggedText, settings: Mapping[str, Any], generator: torch.Generator
) -> Taggers:
    lowercase, width = settings["lowercase"], settings["width"]
    words = [word for sentence in text.parts["train"]["words"] for word in sentence]
    counts = pd.Series([w.lower() if lowercase else w for w in words]).value_counts()
    known = sorted(counts.index[counts >= settings["least_count"]])
    vocabulary = {word: number for number, word in enumerate([UNKNOWN, *known])}
    members, most = len(text.members), max(text.classes)

    def uniform(bound: float, *shape: int) -> Tensor:
        values = torch.rand(members, *shape, generator=generator)
        return values.mul_(2 * bound).sub_(bound)

    bound = width**-0.5
    parameters = {
        "embedding": uniform(INITIAL_RANGE, len(vocabulary), width),
        "input": uniform(bound, width, 4 * width),
        "recurrent": uniform(bound, width, 4 * width),
        "bias": uniform(bound, 4 * width),
        "output": uniform(INITIAL_RANGE, width, most),
        "output_bias": torch.zeros(members, most),
    }
    return Taggers(vocabulary, text.classes, parameters, lowercase)


def _cross_entropy(logits: Tensor, gold: Tensor) -> Tensor:
    """Return the cross-entropy at each word, 0 where there is no tag: (members, batch, tokens)."""
    found = torch.nn.functional.cross_entropy(
        logits.flatten(0, 2), gold.flatten(), ignore_index=NO_TAG, reduction="none"
    )
    return found.view(gold.shape)


@torch.no_grad()
def _descend(
    parameters: Sequence[Tensor], gradients: Sequence[Tensor], rate: Tensor, most: float
) -> None:
    """Take a step of each member's own size against its gradient, clipped at the norm `most`."""
    norm = sum(gradient.flatten(1).square().sum(1) for gradient in gradients) ** 0.5
    step = rate * (most / (norm + 1e-6)).clamp(max=1)
    for values, gradient in zip(parameters, gradients, strict=True):
        values -= step.view(-1, *[1] * (values.ndim - 1)) * gradient


def _dropped(values: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    if not share:
        return values
    kept = torch.rand(values.shape, generator=generator) >= share
    return values * kept / (1 - share)
