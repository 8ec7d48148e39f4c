"""Taggers trained in lockstep: one text, many tag sets."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ontogeny.ensemble import SGD, LockstepTraining, ModuleStack, Shared
from ontogeny.errors import TrainingError
from ontogeny.files import atomic_path
from ontogeny.measures.taggers.tag_sets import NO_TAG, TaggedText
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.checkpoints.loading import quiet_transformers
from ontogeny.runs.pretraining.plateau import Plateau

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TAGGINGS = ("input", "next")


@dataclass(frozen=True)
class Tagger:
    """Which tagger: its tag set, whether it tags the word it reads or the next, and its seed.

    If it is `shuffled`, the tags of its text are in random order.
    """

    tag_set: str
    tagging: str
    shuffled: bool
    seed: int

    @property
    def name(self) -> str:
        """What its folder is called."""
        shuffled = ".shuffled" if self.shuffled else ""
        return f"{self.tag_set}.{self.tagging}{shuffled}.seed-{self.seed}"


@dataclass(frozen=True)
class TaggerTraining:
    """How taggers are trained: as language models are, in the publication."""

    width: int = 200
    dropout: float = 0.2
    epochs: int = 50
    batch_size: int = 40
    sequence_length: int = 35
    learning_rate: float = 20.0
    decay_factor: float = 0.25
    max_gradient_norm: float = 0.25


def train_taggers(
    train: TaggedText,
    dev: TaggedText,
    test: TaggedText,
    tokenizer: "PreTrainedTokenizerFast",
    taggers: Sequence[Tagger],
    training: TaggerTraining,
    folder: str | os.PathLike[str],
) -> pd.DataFrame:
    """Train taggers in lockstep, and leave a checkpoint of each in `folder/{tagger.name}`.

    A tagger is an LSTM of one layer. All read the same text, as streams side by side, which begin
    anew with each pass; the learning rate of each is rescaled when its own dev loss fails to
    improve. Initial weights depend on the tagger's name, so that none begins as another does, or as
    a language model of the same seed.

    Returns a row for each tagger: `tag_set`, `tagging`, `shuffled`, `seed`; `classes` and
    `train_tokens`, `dev_tokens` (tokens that have a tag); `accuracy` and `perplexity` on the test
    text, a shuffled tagger's on shuffled tags. Raises `TrainingError` if a loss is no longer a
    number.
    """
    texts = {
        split: _Streams(text, taggers, training)
        for split, text in (("train", train), ("dev", dev), ("test", test))
    }
    stack = ModuleStack.of(_initial(len(tokenizer), train, taggers, training), _loss)
    streams = texts["train"]
    rates = [training.learning_rate] * len(taggers)
    plateaus = [Plateau() for _ in taggers]
    state = torch.zeros(len(taggers), 1, streams.rows, training.width)

    def batch_of(step: int, members: Sequence[int], _: Any) -> dict[str, Any]:
        if step % streams.updates == 0:
            for values in lockstep.carried.values():
                values.zero_()
        return streams.batch(step % streams.updates, list(members))

    lockstep = LockstepTraining(
        stack,
        SGD(stack, max_gradient_norm=training.max_gradient_norm),
        batch_of,
        lambda _, member: rates[member],
        seeds=[_own_seed(tagger) for tagger in taggers],
        carried={"hidden": state, "cell": state.clone()},
    )

    def look(at: "LockstepTraining[ModuleStack]") -> None:
        if at.diverged:
            lost = ", ".join(taggers[member].name for member in at.diverged)
            raise TrainingError(
                f"taggers {lost}: the loss is no longer a number. Lower their learning_rate (now "
                f"{training.learning_rate:g})."
            )
        losses, _ = _evaluate(at.stack, texts["dev"])
        for member, loss in enumerate(losses.tolist()):
            if plateaus[member].look(at.step, loss):
                rates[member] *= training.decay_factor

    last = training.epochs * streams.updates
    lockstep.run(last, range(streams.updates, last + 1, streams.updates), look)
    losses, accuracies = _evaluate(lockstep.stack, texts["test"])
    rows = []
    for member, tagger in enumerate(taggers):
        _save(lockstep.stack.module(member), tagger, train, tokenizer, Path(folder))
        rows.append(
            {
                **vars(tagger),
                "classes": len(train.classes[tagger.tag_set]),
                "train_tokens": int((train.tags[tagger.tag_set] != NO_TAG).sum()),
                "dev_tokens": int((dev.tags[tagger.tag_set] != NO_TAG).sum()),
                "accuracy": float(accuracies[member]),
                "perplexity": float(losses[member].exp()),
            }
        )
    return pd.DataFrame(rows)


class _Streams:
    """A text as streams side by side, with each tagger's own tags."""

    def __init__(
        self, text: TaggedText, taggers: Sequence[Tagger], training: TaggerTraining
    ) -> None:
        self.length = training.sequence_length
        self.rows = min(training.batch_size, len(text.tokens))
        columns = len(text.tokens) // self.rows
        kept = self.rows * columns
        self.tokens = torch.from_numpy(text.tokens[:kept].reshape(self.rows, columns))
        tags = np.stack([_tags(text, tagger)[:kept] for tagger in taggers])
        self.tags = torch.from_numpy(tags.reshape(len(taggers), self.rows, columns))
        counts = [len(text.classes[tagger.tag_set]) for tagger in taggers]
        # Members have as many outputs as the largest tag set; those that are too many stay unused.
        self.unused = torch.arange(max(counts)) >= torch.tensor(counts)[:, None]
        self.updates = -(-columns // self.length)

    def batch(self, update: int, members: list[int]) -> dict[str, Any]:
        part = slice(update * self.length, (update + 1) * self.length)
        return {
            "tokens": Shared(self.tokens[:, part]),
            "tags": self.tags[members][:, :, part],
            "unused": self.unused[members],
        }


def _tags(text: TaggedText, tagger: Tagger) -> np.ndarray:
    """Return the tags, (tokens,), that a tagger is to give at the tokens of a text."""
    tag_set = tagger.tag_set
    tags = text.tags[tag_set] if tagger.tagging == "input" else text.next_tags(tag_set)
    if tagger.shuffled:
        there = np.flatnonzero(tags != NO_TAG)
        tags = tags.copy()
        tags[there] = np.random.default_rng(_own_seed(tagger)).permutation(tags[there])
    return tags


def _own_seed(tagger: Tagger) -> int:
    """Return a seed that no other tagger has."""
    return int(np.random.SeedSequence(list(tagger.name.encode())).generate_state(1)[0])


def _initial(
    vocabulary: int, text: TaggedText, taggers: Sequence[Tagger], training: TaggerTraining
) -> list[Any]:
    config = configure(
        "lstm",
        vocabulary,
        layers=1,
        width=training.width,
        dropout=training.dropout,
        positions=training.sequence_length,
    )
    config.architectures = ["LstmForTokenClassification"]
    config.num_labels = max(len(text.classes[tagger.tag_set]) for tagger in taggers)
    return [initialise(config, _own_seed(tagger)) for tagger in taggers]


def _logits(model: Any, batch: Any, carried: Any) -> tuple[Tensor, dict[str, Tensor]]:
    output = model(input_ids=batch["tokens"], state=(carried["hidden"], carried["cell"]))
    hidden, cell = output.state
    logits = output.logits.masked_fill(batch["unused"], -torch.inf)
    return logits, {"hidden": hidden, "cell": cell}


def _loss(model: Any, batch: Any, carried: Any) -> tuple[Tensor, dict[str, Tensor]]:
    logits, state = _logits(model, batch, carried)
    return _sum_of_losses(logits, batch["tags"]) / _count(batch["tags"]).clamp_min(1), state


def _sum_of_losses(logits: Tensor, tags: Tensor) -> Tensor:
    return cross_entropy(logits.flatten(0, 1), tags.flatten(), ignore_index=NO_TAG, reduction="sum")


def _count(tags: Tensor) -> Tensor:
    return (tags != NO_TAG).sum()


def _sums(model: Any, batch: Any, carried: Any) -> tuple[Tensor, ...]:
    logits, state = _logits(model, batch, carried)
    correct = (logits.argmax(-1) == batch["tags"]).sum()
    sums = _sum_of_losses(logits, batch["tags"]), correct, _count(batch["tags"])
    return torch.stack([value.double() for value in sums]), state["hidden"], state["cell"]


def _evaluate(stack: ModuleStack, streams: _Streams) -> tuple[Tensor, Tensor]:
    """Return each member's mean loss in nats, and its accuracy, over the words that have a tag."""
    width = stack.shapes["lstm.recurrence.weight_hh_l0"][1]
    hidden = cell = torch.zeros(len(stack), 1, streams.rows, width)
    total = torch.zeros(len(stack), 3, dtype=torch.float64)
    members = list(range(len(stack)))
    for update in range(streams.updates):
        sums, hidden, cell = stack.evaluate(
            _sums, streams.batch(update, members), carried={"hidden": hidden, "cell": cell}
        )
        total += sums
    return total[:, 0] / total[:, 2], total[:, 1] / total[:, 2]


def _save(
    model: Any,
    tagger: Tagger,
    text: TaggedText,
    tokenizer: "PreTrainedTokenizerFast",
    folder: Path,
) -> None:
    """Save a tagger with the outputs that are used, and the names of their tags."""
    from ontogeny.runs.architectures.lstm.models import LstmForTokenClassification

    names = text.classes[tagger.tag_set]
    config = type(model.config).from_dict(model.config.to_dict())
    config.id2label = dict(enumerate(names))
    config.label2id = {name: number for number, name in enumerate(names)}
    alone = LstmForTokenClassification(config)
    weights = model.state_dict()
    for name in ("output.weight", "output.bias"):
        weights[name] = weights[name][: len(names)]
    alone.load_state_dict(weights)
    with atomic_path(folder / tagger.name) as scratch, quiet_transformers():
        scratch.mkdir(parents=True)
        alone.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
