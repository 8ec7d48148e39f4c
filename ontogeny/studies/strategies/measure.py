"""All that is measured on a stack of members at one step of their training."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ontogeny.ensemble.bert.architecture import DECODER_BIAS, WORD_EMBEDDINGS
from ontogeny.ensemble.bert.objective import Batch, hidden_states, logits
from ontogeny.ensemble.bert.stack import BertStack
from ontogeny.studies.strategies.conditions import PROBED, SUBSETS, Member, Settings
from ontogeny.studies.strategies.evaluation import by_subset, evaluation_set, score
from ontogeny.studies.strategies.probing import probe, probing_inputs
from ontogeny.studies.strategies.streams import stream
from ontogeny.studies.strategies.task import ANSWER, FIRST_NOUN, QUERY, Laws, Sequences, Vocabulary

# The sets that models are measured on as they are, and with embeddings drawn anew.
AS_THEY_STAND, NEWLY_DRAWN = SUBSETS[:-1], SUBSETS[-1:]


@dataclass(frozen=True)
class Instruments:
    """What members are measured with; it stays the same all through training.

    `sequences` are those of `evaluation_set`, all but the `fresh` ones, which are apart; `probing`
    those of `probing_inputs`, `shown` the ranks whose embeddings are kept. `laws` say how often
    they switch. `negatives` says whether held-out tokens are trained as such.
    """

    members: tuple[Member, ...]
    vocabulary: Vocabulary
    laws: Laws
    sequences: Sequences
    fresh: Sequences
    probing: Tensor
    shown: Tensor
    negatives: bool
    probe_train: int
    l2: float
    probe_bias: bool

    def take(self, places: Sequence[int]) -> "Instruments":
        """Return the instruments for some of the members."""
        index = torch.tensor(list(places), device=self.probing.device)
        return replace(
            self,
            members=tuple(self.members[place] for place in places),
            laws=self.laws.take(places),
            sequences=self.sequences.take(index),
            fresh=self.fresh.take(index),
            probing=self.probing[index],
        )


def prepare(
    members: Sequence[Member],
    vocabulary: Vocabulary,
    laws: Laws,
    settings: Settings,
    device: torch.device | str,
) -> Instruments:
    """Return the instruments for members of one vocabulary, by the study's settings `evaluation`.

    What the sets hold depends on each member's seed and law alone.
    """
    asked = settings["evaluation"]
    laws = laws.to("cpu")
    drawn = vocabulary, laws, members, asked["sequences"]
    probing = probing_inputs(vocabulary, laws, members, asked["probe_train"], asked["probe_test"])
    count = min(asked["types_shown"], vocabulary.types)
    return Instruments(
        tuple(members),
        vocabulary,
        laws.to(device),
        evaluation_set(*drawn, AS_THEY_STAND).to(device),
        evaluation_set(*drawn, NEWLY_DRAWN).to(device),
        probing.to(device),
        torch.linspace(0, vocabulary.types - 1, count).round().long(),
        settings["held_out_negatives"],
        asked["probe_train"],
        settings["l2"],
        settings["probe_bias"],
    )


def measure(
    instruments: Instruments, stack: BertStack, step: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what the members' models show at this step: rows of STRATEGIES and of EMBEDDINGS.

    The held-out tokens take part in every softmax. For `fresh`, and for all sets where these tokens
    weren't trained as negatives, their embeddings are drawn anew from the initial distribution, by
    the member's seed and the step, and their decoder biases are 0, the initial value; afterwards
    both are as before.
    """
    vocabulary, members = instruments.vocabulary, instruments.members
    # The same parameters, with the held-out tokens no longer left out of the softmax.
    whole = BertStack(stack.architecture, stack.flat, [vocabulary.tokens] * len(members))
    held_out = torch.arange(vocabulary.first_held_out, vocabulary.tokens)
    answer = torch.tensor(ANSWER, device=stack.device)

    def logits_of(inputs: Tensor) -> Tensor:
        return logits(whole, Batch(inputs, answer, inputs[..., : len(ANSWER)]))

    def states_of(inputs: Tensor) -> Tensor:
        return hidden_states(whole, inputs)[:, :, :, QUERY]

    def drawn_anew() -> AbstractContextManager[None]:
        generators = [stream(member, f"held-out embeddings {step}") for member in members]
        return _drawn_anew(whole, generators, held_out)

    with nullcontext() if instruments.negatives else drawn_anew():
        scores = score(logits_of, instruments.sequences, vocabulary.tokens)
        probed = probe(
            states_of,
            instruments.probing,
            instruments.probe_train,
            instruments.l2,
            instruments.probe_bias,
        )
    with drawn_anew():
        fresh = score(logits_of, instruments.fresh, vocabulary.tokens)
    frames = []
    for metric, values in scores.items():
        means = by_subset(values, len(AS_THEY_STAND)), by_subset(fresh[metric], len(NEWLY_DRAWN))
        frames.append(_frame(members, step, metric, torch.cat(means, 1)))
    for metric, found in zip(("probe_accuracy", "probe_accuracy_new_types"), probed, strict=True):
        for layer, of_layer in enumerate(found):
            frames.append(_frame(members, step, metric, of_layer, layer))
    return pd.concat(frames, ignore_index=True), _places(instruments, stack, step)


@contextmanager
def _drawn_anew(
    stack: BertStack, generators: Sequence[torch.Generator], tokens: Tensor
) -> Iterator[None]:
    """Draw the embeddings of `tokens` (count,) anew for the block, with decoder biases of 0."""
    biases, index = stack.parameters[DECODER_BIAS], tokens.to(stack.device)
    kept = biases[:, index].clone()
    try:
        biases[:, index] = 0
        with stack.temporarily_redrawn(generators, tokens):
            yield
    finally:
        biases[:, index] = kept


def _frame(
    members: Sequence[Member], step: int, metric: str, values: Tensor, layer: int | None = None
) -> pd.DataFrame:
    """Return rows for values (members, sets), of all `SUBSETS` or of the `PROBED` ones."""
    subsets = SUBSETS if layer is None else PROBED
    rows: list[dict[str, Any]] = [
        {
            **member.keys(),
            "step": step,
            "layer": np.nan if layer is None else float(layer),
            "subset": subset,
            "metric": metric,
            "value": value,
        }
        for member, own in zip(members, values.tolist(), strict=True)
        for subset, value in zip(subsets, own, strict=True)
    ]
    return pd.DataFrame(rows)


def _places(instruments: Instruments, stack: BertStack, step: int) -> pd.DataFrame:
    """Return where the embeddings of some types lie in their two principal components.

    The axes are those of the member's content tokens at this step. An axis points to where the
    nouns lie on average.
    """
    types, shown = instruments.vocabulary.types, instruments.shown
    words = stack.parameters[WORD_EMBEDDINGS]
    content = words[:, FIRST_NOUN : FIRST_NOUN + 2 * types].double()
    centred = content - content.mean(1, keepdim=True)
    axes = torch.linalg.eigh(centred.mT @ centred).eigenvectors.flip(-1)[..., :2]
    places = centred @ axes
    towards = places[:, :types].mean(1) - places[:, types:].mean(1)
    places = places * torch.where(towards < 0, -1.0, 1.0)[:, None]
    kept = torch.cat([shown, types + shown])
    components = places[:, kept.to(places.device)].cpu().numpy()
    switch = instruments.laws.switch.cpu()[:, shown].numpy()
    frames = []
    for place, member in enumerate(instruments.members):
        same = {
            **member.keys(),
            "step": step,
            "token": FIRST_NOUN + kept.numpy(),
            "word_class": np.repeat(["noun", "adjective"], len(shown)),
            "rank": np.tile(shown.numpy() + 1, 2),
            "switch": np.tile(switch[place], 2),
        }
        frames += [
            pd.DataFrame(
                {**same, "metric": f"component_{axis + 1}", "value": components[place, :, axis]}
            )
            for axis in (0, 1)
        ]
    return pd.concat(frames, ignore_index=True)
