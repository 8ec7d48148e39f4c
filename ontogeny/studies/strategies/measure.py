"""All that is measured on a stack of members at one step of their training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ontogeny.ensemble.bert.architecture import WORD_EMBEDDINGS
from ontogeny.ensemble.bert.objective import Batch, hidden_states, logits
from ontogeny.ensemble.bert.stack import BertStack
from ontogeny.studies.strategies.conditions import PROBED, SUBSETS, Member, Settings
from ontogeny.studies.strategies.evaluation import by_subset, evaluation_set, score
from ontogeny.studies.strategies.probing import probe, probing_inputs
from ontogeny.studies.strategies.streams import stream
from ontogeny.studies.strategies.task import ANSWER, FIRST_NOUN, QUERY, Laws, Sequences, Vocabulary


@dataclass(frozen=True)
class Instruments:
    """What members are measured with; it stays the same all through training.

    `sequences` are those of `evaluation_set`, `probing` those of `probing_inputs`, `shown` the
    ranks whose embeddings are kept. `laws` say how often they switch.
    """

    members: tuple[Member, ...]
    vocabulary: Vocabulary
    laws: Laws
    sequences: Sequences
    probing: Tensor
    shown: Tensor
    probe_train: int
    l2: float

    def take(self, places: Sequence[int]) -> "Instruments":
        """Return the instruments for some of the members."""
        index = torch.tensor(list(places), device=self.probing.device)
        sequences = self.sequences
        return replace(
            self,
            members=tuple(self.members[place] for place in places),
            laws=self.laws.take(places),
            sequences=Sequences(
                sequences.inputs[index], sequences.answers[index], sequences.noun_query[index]
            ),
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
    sequences = evaluation_set(vocabulary, laws, members, asked["sequences"])
    probing = probing_inputs(vocabulary, laws, members, asked["probe_train"], asked["probe_test"])
    count = min(asked["types_shown"], vocabulary.types)
    return Instruments(
        tuple(members),
        vocabulary,
        laws.to(device),
        Sequences(
            sequences.inputs.to(device),
            sequences.answers.to(device),
            sequences.noun_query.to(device),
        ),
        probing.to(device),
        torch.linspace(0, vocabulary.types - 1, count).round().long(),
        asked["probe_train"],
        settings["l2"],
    )


def measure(
    instruments: Instruments, stack: BertStack, step: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what the members' models show at this step: rows of STRATEGIES and of EMBEDDINGS.

    The held-out tokens' embeddings are drawn anew from the initial distribution, by the member's
    seed and the step, and are as before afterwards; their decoder biases are 0, the initial value.
    They take part in every softmax of the evaluation, and in none of training.
    """
    vocabulary, members = instruments.vocabulary, instruments.members
    # The same parameters, with the held-out tokens no longer left out of the softmax.
    whole = BertStack(stack.architecture, stack.flat, [vocabulary.tokens] * len(members))
    held_out = torch.arange(vocabulary.first_held_out, vocabulary.tokens)
    generators = [stream(member, f"held-out embeddings {step}") for member in members]
    answer = torch.tensor(ANSWER, device=stack.device)

    def logits_of(inputs: Tensor) -> Tensor:
        return logits(whole, Batch(inputs, answer, inputs[..., : len(ANSWER)]))

    def states_of(inputs: Tensor) -> Tensor:
        return hidden_states(whole, inputs)[:, :, :, QUERY]

    with whole.temporarily_redrawn(generators, held_out):
        right, losses = score(logits_of, instruments.sequences, vocabulary.tokens)
        probed = probe(states_of, instruments.probing, instruments.probe_train, instruments.l2)
    values = {"accuracy": by_subset(right), "loss": by_subset(losses)}
    frames = [_frame(members, step, metric, found) for metric, found in values.items()]
    for metric, found in zip(("probe_accuracy", "probe_accuracy_new_types"), probed, strict=True):
        for layer, of_layer in enumerate(found):
            frames.append(_frame(members, step, metric, of_layer, layer))
    return pd.concat(frames, ignore_index=True), _places(instruments, stack, step)


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
