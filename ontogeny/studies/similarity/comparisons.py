"""Layers compared with other layers: all pairs of two sets at once, by all measures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogeny.measures.similarity import (
    Correlations,
    Cross,
    Moments,
    Principal,
    canonical_correlations,
    distance_ranks,
    linear_cka,
    mean_correlation,
    pwcca,
    rank_correlation,
    svcca,
    unbiased_cka,
)

WORDS_AT_ONCE = 1024


@dataclass(frozen=True)
class Side:
    """Layers that are compared: `vectors` (layers, words, width), and what is made of each once.

    `ranks` (layers, pairs of words) are those of the distances within the sample.
    """

    vectors: Tensor
    principal: Principal
    ranks: NDArray[np.float64]

    def take(self, layers: Sequence[int]) -> "Side":
        """Return some of the layers, each of them once."""
        index, own = torch.tensor(list(layers)), self.principal
        principal = Principal(
            own.words, own.mean[index], own.axes[index], own.variance[index], own.rank[index]
        )
        return Side(self.vectors[index], principal, self.ranks[list(layers)])


def side(vectors: Tensor, sample: Tensor, name: str) -> Side:
    """Factorise the layers of `name`; `sample` (words of it,) are those whose distances count.

    Raises `CheckpointError`, naming the layer, if one has the same vector for all words.
    """
    moments = Moments()
    for block in vectors.split(WORDS_AT_ONCE, 1):
        moments.add(block)
    ranks = distance_ranks(vectors[:, sample].float())
    return Side(vectors, moments.principal(name), ranks)


def join(*sides: Side) -> Side:
    """Return the layers of several sides, of the same words and one width, as one."""
    fields = ("mean", "axes", "variance", "rank")
    parts = {name: [getattr(side.principal, name) for side in sides] for name in fields}
    joined = {name: torch.cat(values) for name, values in parts.items()}
    return Side(
        torch.cat([side.vectors for side in sides]),
        Principal(sides[0].principal.words, **joined),
        np.concatenate([side.ranks for side in sides]),
    )


def compared(
    first: Side,
    second: Side | None,
    wanted: NDArray[np.bool_],
    *,
    variance: float,
    mass: float,
    shift: int = 0,
) -> pd.DataFrame:
    """Compare layers of `first` with layers of `second` by all measures.

    `wanted` (layers, others) says which pairs. Without `second`, `first` is compared with itself,
    of which only pairs with the lower layer first can be wanted. `variance` and `mass` are those
    of `svcca` and of plain canonical correlation. With `shift`, each word of the first is paired
    with the one so many words further on in the second, cyclically, for which `second` must be
    given. Returns the columns `row` and `column` (places in `first` and `second`), `metric`,
    `value`; representational similarities that aren't defined have no row.
    """
    cross = _cross(first, second, shift)
    cross = cross.only(torch.from_numpy(wanted)[cross.rows.cpu(), cross.columns.cpu()])
    rows, columns = cross.rows.tolist(), cross.columns.tolist()
    other = first if second is None else second
    correlations, axes = canonical_correlations(cross, variance)
    values = {
        "svcca": mean_correlation(correlations, axes),
        "axes": axes,
        "cca": svcca(cross, None, mass),
        "pwcca": pwcca(cross),
        "linear_cka": linear_cka(cross).clamp(0, 1),
        "unbiased_cka": unbiased_cka(cross),
    }
    frame = pd.DataFrame({name: measured.tolist() for name, measured in values.items()})
    if not shift:  # distances are between words: another order of words is another sample
        frame["rsa"] = rank_correlation(first.ranks, other.ranks)[rows, columns]
    frame = frame.assign(row=rows, column=columns)
    return frame.melt(["row", "column"], var_name="metric").dropna(ignore_index=True)


def _cross(first: Side, second: Side | None, shift: int) -> Cross:
    correlations = Correlations(first.principal, second.principal if second else None)
    words = first.vectors.shape[1]
    for start in range(0, words, WORDS_AT_ONCE):
        block = first.vectors[:, start : start + WORDS_AT_ONCE]
        if second is None:
            correlations.add(block)
            continue
        if shift:
            places = (torch.arange(start, start + block.shape[1]) + shift) % words
            correlations.add(block, second.vectors[:, places])
        else:
            correlations.add(block, second.vectors[:, start : start + WORDS_AT_ONCE])
    return correlations.cross()


@dataclass(frozen=True)
class Others:
    """What the layers of a run's checkpoints are compared with.

    `finals` are the last checkpoints, by seed. `embeddings` and `hidden` are the taggers' layers,
    of which `taggers` says, in their order, what they are: rows with the columns domain, tagset,
    tagging and shuffled.
    """

    finals: Mapping[int, Side]
    embeddings: Side
    hidden: Side
    taggers: Sequence[Mapping[str, Any]]


def measure(
    checkpoint: Side, seed: int, others: Others, *, variance: float, mass: float
) -> pd.DataFrame:
    """Compare the layers of one checkpoint with all that they are compared with.

    Returns the columns layer, other, other_layer, domain, tagset, tagging, shuffled, metric and
    value, as the table of the study declares them.
    """
    frames = list(_measure(checkpoint, seed, others, {"variance": variance, "mass": mass}))
    keys = ["layer", "other", "other_layer", "domain", "tagset", "tagging", "shuffled", "metric"]
    frame = pd.concat(frames, ignore_index=True).reindex(columns=[*keys, "value"])
    return frame.groupby(keys, dropna=False, sort=False)["value"].mean().reset_index()


def _measure(
    checkpoint: Side, seed: int, others: Others, forms: Mapping[str, Any]
) -> Iterator[pd.DataFrame]:
    layers = len(checkpoint.vectors)
    same = np.eye(layers, dtype=bool)
    for name, finals in (
        ("own_final", [others.finals[seed]]),
        ("seed_final", [final for other, final in others.finals.items() if other != seed]),
    ):
        for final in finals:
            found = compared(checkpoint, final, same, **forms)
            yield found.rename(columns={"row": "layer", "column": "other_layer"}).assign(other=name)
    half = checkpoint.vectors.shape[1] // 2
    found = compared(checkpoint, others.finals[seed], same, shift=half, **forms)
    yield found.rename(columns={"row": "layer", "column": "other_layer"}).assign(other="chance")
    found = compared(checkpoint, None, ~np.tri(layers, dtype=bool), **forms)
    yield found.rename(columns={"row": "layer", "column": "other_layer"}).assign(other="layer")
    taggers = pd.DataFrame(list(others.taggers))
    for first, second, layer in (
        (checkpoint.take([0]), others.embeddings, 0),
        (checkpoint.take(range(1, layers)), others.hidden, 1),
    ):
        every = np.ones((len(first.vectors), len(taggers)), dtype=bool)
        found = compared(first, second, every, **forms)
        keys = taggers.loc[found["column"]].reset_index(drop=True)
        found = pd.concat([found.drop(columns="column"), keys], axis=1)
        yield found.assign(layer=found["row"] + layer, other="tagger", other_layer=layer).drop(
            columns="row"
        )
