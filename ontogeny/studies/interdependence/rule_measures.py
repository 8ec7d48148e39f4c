"""What is measured on the synthetic LSTMs: omega's probability, interdependence, gradients."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ontogeny.corpora.scaffolds import Generated, RuleCorpus, scaffolds_to_test
from ontogeny.ensemble import random_stream
from ontogeny.measures.decomposition import (
    decompose,
    interdependence,
    recurrent_layers,
)
from ontogeny.measures.decomposition.error_gradients import error_gradients
from ontogeny.studies.interdependence.conditions import DOMAINS, Member, Settings

LARGEST = 2**24  # numbers that a gate's sums take, of all tokens of all texts in all foci


@dataclass(frozen=True)
class Instrument:
    """What a member is tested on.

    `texts` (domains, tests, context + 1 + length) are random tokens, then alpha and a scaffold;
    omega comes next.
    """

    member: Member
    corpus: RuleCorpus
    texts: Tensor


def instruments(
    members: Sequence[Member], corpora: Sequence[Generated], settings: Settings
) -> list[Instrument]:
    """Return what the members are tested on; it stays the same all through training.

    Contexts and scaffolds out of the domain depend on seed and length alone.
    """
    return [
        _instrument(member, generated, settings)
        for member, generated in zip(members, corpora, strict=True)
    ]


def _instrument(member: Member, generated: Generated, settings: Settings) -> Instrument:
    corpus, count = member.corpus(settings), settings["tests"]
    stream = random_stream(member.seed, f"interdependence tests {member.scaffold_length}")
    generator = np.random.default_rng(stream.initial_seed())
    context = generator.integers(corpus.types, size=(count, settings["context"]))
    out = scaffolds_to_test(corpus, generated, count, generator)
    opening = np.full((count, 1), corpus.opening)
    texts = [np.concatenate([context, opening, out[domain]], 1) for domain in DOMAINS]
    return Instrument(member, corpus, torch.from_numpy(np.stack(texts)))


def measure(parameters: Mapping[str, Tensor], tests: Sequence[Instrument]) -> pd.DataFrame:
    """Return rows of INTERDEPENDENCE, without run and step, of members by their parameters.

    `parameters` are those of a stack of LSTMs, (members, ...) by name, the members those of
    `tests`. Members with scaffolds of one length are measured together, as many as memory allows,
    in double precision.
    """
    rows: list[dict[str, Any]] = []
    places = range(len(tests))
    length = [test.member.scaffold_length for test in tests]
    width = parameters["output.weight"].shape[-1]
    for k in sorted(set(length)):
        alike = [place for place in places if length[place] == k]
        of_one = tests[alike[0]].texts.numel() * (k + 3) * 4 * width
        at_once = max(1, LARGEST // of_one)
        for first in range(0, len(alike), at_once):
            index = alike[first : first + at_once]
            own = {name: values[index].double() for name, values in parameters.items()}
            rows += _of_one_length(own, [tests[place] for place in index], k)
    frame = pd.DataFrame(rows)
    return frame.astype({"prefix": "float64", "sequential_distance": "float64"})


def _of_one_length(
    parameters: Mapping[str, Tensor], tests: Sequence[Instrument], k: int
) -> Iterator[dict[str, Any]]:
    layers = recurrent_layers(parameters, "synthetic LSTMs")
    embedding, weight, bias = (
        parameters[name] for name in ("lstm.embedding.weight", "output.weight", "output.bias")
    )
    texts = torch.stack([test.texts for test in tests]).to(weight.device)
    _, domains, count, tokens = texts.shape
    inputs = torch.stack(
        [table[own] for table, own in zip(embedding, texts.flatten(1, 2), strict=True)]
    )
    closing = tests[0].corpus.closing
    opens = tokens - k - 1
    foci: dict[tuple[str, int | None], slice]
    foci = {("everything", None): slice(0, tokens), ("scaffold", None): slice(opens + 1, tokens)}
    foci |= {("prefix", i): slice(opens, opens + 1 + i) for i in range(k + 1)}
    focus = torch.zeros(len(foci), tokens, dtype=torch.bool, device=inputs.device)
    for row, words in enumerate(foci.values()):
        focus[row, words] = True
    # Every text in every focus, (members, texts * foci, tokens, width).
    repeated = inputs.repeat_interleave(len(foci), 1)
    found = decompose(layers, repeated, focus.repeat(domains * count, 1)).hidden
    relevant, irrelevant = (
        part[..., -1, :, -1, :].unflatten(1, (domains, count, len(foci))) for part in found
    )
    # The output's bias is of no word, and takes part only where the whole state is read.
    whole = (relevant + irrelevant)[..., 0, :]
    logits = torch.einsum("mdcfw,mvw->mdcfv", relevant, weight)
    logits[..., 0, :] = torch.einsum("mdcw,mvw->mdcv", whole, weight) + bias[:, None, None]
    probability = logits.softmax(-1)[..., closing].mean(2)
    for place, (name, prefix) in enumerate(foci):
        yield from _rows(
            tests, "omega_probability", probability[..., place], focus=name, prefix=prefix
        )
    part = {name: relevant[..., place, :] for place, name in enumerate(foci)}
    alpha, scaffold, both = part["prefix", 0], part["scaffold", None], part["prefix", k]
    depends = interdependence(both, alpha, scaffold).nanmean(2)
    yield from _rows(tests, "interdependence", depends, sequential_distance=k)
    gradients = error_gradients(layers, inputs, weight, bias, closing)[:, -1]
    norms = gradients.norm(dim=-1).unflatten(1, (domains, count)).mean(2)
    for distance in range(k + 1):
        values = norms[..., tokens - 1 - distance]
        yield from _rows(tests, "gradient_norm", values, sequential_distance=distance)


def _rows(
    tests: Sequence[Instrument], metric: str, values: Tensor, **keys: Any
) -> Iterator[dict[str, Any]]:
    """Yield a row for each value, (members, domains)."""
    same = {"layer": 1, "focus": None, "prefix": None, "sequential_distance": None} | keys
    for (test, own), place in itertools.product(
        zip(tests, values.tolist(), strict=True), range(len(DOMAINS))
    ):
        yield {
            **test.member.keys(),
            **same,
            "domain": DOMAINS[place],
            "metric": metric,
            "value": own[place],
        }
