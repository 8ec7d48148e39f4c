"""What each attention head makes of each syntactic edge of a corpus, word by word."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ontogeny.corpora.corpus import available
from ontogeny.errors import CorpusError
from ontogeny.measures.attention import WordAttention

_NONE_READ = (
    "syntactic attention: the model could read none of the sentences whose trees are scored; they "
    "are longer than it reads. Name a corpus with shorter sentences."
)


@dataclass(frozen=True)
class Edges:
    """The gold edges that are scored: one for each word but roots and punctuation.

    All have shape (edges,), sentence after sentence: `sentence` is a row of the corpus, `dependent`
    and `head` are words, counted from 0 in their sentence, `relation` an index into `relations`,
    which are sorted by name.
    """

    sentence: np.ndarray
    dependent: np.ndarray
    head: np.ndarray
    relation: np.ndarray
    relations: tuple[str, ...]


@dataclass(frozen=True)
class EdgeHits:
    """How attention treats each edge of `edges`, which are those of the sentences that were read.

    `hits` and `mass` have shape (edges, layers, heads, 2), float32; the last dimension is the way
    in which a head is read: from each word to the word that it attends to most, and from each word
    to the one that attends to it most. A hit is 1 if the head of attention, read so, picks the
    dependent's syntactic head from all other words, 0 if not, and 1 / k if k words tie for its
    choice, which is what picking one of them at random comes to. Mass is the attention on the edge.
    """

    edges: Edges
    hits: np.ndarray
    mass: np.ndarray


def gold_edges(sentences: pd.DataFrame, source: str, *, punctuation: bool = False) -> Edges:
    """Return the edges to be scored of a corpus split.

    Left out are roots, sentences without a parse, and, unless `punctuation` is asked for, that
    (relation `punct`, with or without a subtype, or UPOS `PUNCT`). Relations keep their subtypes.
    Raises `CorpusError`, naming `source`, if the corpus has no heads or no relations, or if nothing
    is left.
    """
    missing = [name for name in ("head", "deprel") if name not in available(sentences)]
    if missing:
        raise CorpusError(
            f"{source}: syntactic attention is scored on dependency trees, and this corpus has no "
            f"{' and no '.join(missing)}. Name a corpus with trees."
        )
    parsed = (sentences["head"].notna() & sentences["deprel"].notna()).to_numpy()
    rows = sentences[parsed]
    lengths = np.array([len(words) for words in rows["words"]], dtype=np.int64)
    sentence = np.repeat(np.flatnonzero(parsed), lengths)
    dependent = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    head = np.array([head for heads in rows["head"] for head in heads], dtype=np.int64) - 1
    relation = np.array([name for names in rows["deprel"] for name in names], dtype=object)
    is_punctuation = np.array([name.split(":")[0] == "punct" for name in relation], dtype=bool)
    if "upos" in available(sentences):
        tags = [
            tag
            for upos, length in zip(rows["upos"], lengths, strict=True)
            for tag in (upos if upos is not None else [""] * length)
        ]
        is_punctuation |= np.array(tags, dtype=object) == "PUNCT"
    scored = (head >= 0) & (punctuation | ~is_punctuation)
    if not scored.any():
        raise CorpusError(
            f"{source}: no word is left to be scored when roots and punctuation are left out; "
            "expected a corpus with sentences of several words."
        )
    names, codes = np.unique(relation[scored].astype(str), return_inverse=True)
    return Edges(sentence[scored], dependent[scored], head[scored], codes, tuple(names.tolist()))


def hits_of(scored: EdgeHits, edges: Edges) -> EdgeHits:
    """Return the hits of those of the edges that were scored and are among `edges`."""
    own, wanted = ((part.sentence << 32) + part.dependent for part in (scored.edges, edges))
    chosen = np.isin(own, wanted)
    if not chosen.any():
        raise CorpusError(_NONE_READ)
    place = np.searchsorted(wanted, own[chosen])
    kept = Edges(
        edges.sentence[place],
        edges.dependent[place],
        edges.head[place],
        edges.relation[place],
        edges.relations,
    )
    return EdgeHits(kept, scored.hits[chosen], scored.mass[chosen])


def edge_hits(batches: Iterable[WordAttention], edges: Edges) -> EdgeHits:
    """Return what all layers and heads make of the edges of the sentences in `batches`.

    In the direction `dependent_to_head` a word's predicted head is the other word to which it
    attends most; in `head_to_dependent` the other word that attends to it most (Clark et al. 2019,
    section 4.2). A word that attends to no other, as the first of a causal model, predicts nothing.
    Edges of sentences that are in no batch are left out of the result; raises `CorpusError` if none
    is left.
    """
    first = np.searchsorted(edges.sentence, np.arange(edges.sentence.max() + 2))
    places, hits, mass = [], [], []
    for batch in batches:
        known = batch.sentences < len(first) - 1
        rows, sentences = np.flatnonzero(known), batch.sentences[known]
        counts = first[sentences + 1] - first[sentences]
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        place = np.repeat(first[sentences], counts) + offsets
        index = [
            torch.from_numpy(numbers).to(batch.weights.device)
            for numbers in (np.repeat(rows, counts), edges.dependent[place], edges.head[place])
        ]
        places.append(place)
        batch_hits, batch_mass = _score(batch.weights, *index)
        hits.append(batch_hits)
        mass.append(batch_mass)
    if not any(len(place) for place in places):
        raise CorpusError(_NONE_READ)
    place = np.concatenate(places)
    order = np.argsort(place, kind="stable")
    read = place[order]
    kept = Edges(
        edges.sentence[read],
        edges.dependent[read],
        edges.head[read],
        edges.relation[read],
        edges.relations,
    )
    return EdgeHits(kept, np.concatenate(hits)[order], np.concatenate(mass)[order])


def _score(
    weights: Tensor, row: Tensor, dependent: Tensor, head: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Return hits and mass of a batch's edges, each (edges, layers, heads, 2)."""
    # (batch, from, layers, heads, to), which is how `word_attention` has it in memory.
    attends = weights.permute(0, 3, 1, 2, 4)
    most_given = attends[row, dependent].amax(dim=-1)
    most_received = attends.amax(dim=1).permute(0, 3, 1, 2)[row, dependent]
    hits, mass = [], []
    for source, target, most in (
        (dependent, head, most_given),
        (head, dependent, most_received),
    ):
        on_edge = attends[row, source, :, :, target]
        hit = (on_edge == most) & (most > 0)
        edge, layer, attention_head = hit.nonzero(as_tuple=True)
        place = row[edge], layer, attention_head
        if source is dependent:
            others = weights[(*place, dependent[edge])]
        else:
            others = weights.transpose(-1, -2)[(*place, dependent[edge])]
        credit = torch.zeros_like(most)
        credit[hit] = 1 / (others == most[hit][:, None]).sum(dim=-1).float()
        hits.append(credit)
        # The sum over a word's pieces may pass 1 by a rounding error.
        mass.append(on_edge.clamp(max=1))
    return torch.stack(hits, dim=-1).cpu().numpy(), torch.stack(mass, dim=-1).cpu().numpy()
