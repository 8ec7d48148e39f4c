"""How well attention parses: the best head for each relation, and what all of them score together.

The measures of Clark et al. (2019, section 4.2) and Chen et al. (2024, section 3), from the hits of
`ontogeny.measures.attention.edge_hits`; nothing here loads a model.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ontogeny.measures.attention.edge_hits import EdgeHits, Edges

OFFSETS = (-3, -2, -1, 1, 2, 3)


@dataclass(frozen=True)
class ImplicitParse:
    """The parse that attention implies, scored against the gold trees.

    For each relation, in the order of `relations`: `edges` (relations,), how many words have it;
    `head_uas` and `edge_mass` (relations, layers, heads, 2), the share of them whose syntactic head
    is found, and the mean attention on the edge; `best` (relations, 3), the layer, head and
    direction (an index into `DIRECTIONS`) that find most, the first of those that tie; `held_out`
    (relations,), the score when heads are chosen on other sentences; `offsets` (relations, 6), the
    share found by "the word at this distance", in the order of `OFFSETS`.

    `uas`, `uas_held_out` and `offset_uas` are means over all words, each scored by the best of its
    relation. `per_sentence` has a row for each sentence and relation in it, with the columns
    `sentence` (row of the corpus), `relation`, `edges`, and the sums of hits `uas`, `uas_held_out`
    and `offset_uas`: each sum over all rows divided by that of `edges` is the measure of that name.
    """

    relations: tuple[str, ...]
    edges: np.ndarray
    head_uas: np.ndarray
    edge_mass: np.ndarray
    best: np.ndarray
    held_out: np.ndarray
    offsets: np.ndarray
    uas: float
    uas_held_out: float
    offset_uas: float
    per_sentence: pd.DataFrame


def implicit_parse(scored: EdgeHits, seed: int = 0) -> ImplicitParse:
    """Return the scores of the parse that attention implies.

    Unlabelled attachment is scored as in Chen et al. (2024): each relation has one head of
    attention, read in one direction, and a word counts as right if the head for its relation finds
    its syntactic head. That head is chosen on the words that are scored, and the best of many
    flatters: so `uas_held_out` divides the sentences into two random halves (drawn with `seed`),
    scores each with the heads chosen on the other, and takes the mean over the words of both. Each
    word is then scored once, by a choice that has not seen its sentence. A relation that is absent
    from the other half is scored by the head that finds most there over all relations.

    The offset baseline takes the best of `OFFSETS` for each relation, chosen on the words that it
    is scored on; with six to choose from, it is flattered little.
    """
    edges = scored.edges
    shape = scored.hits.shape[1:]
    options = scored.hits.reshape(len(scored.hits), -1)
    found = _sums_by_relation(options, edges)
    masses = _sums_by_relation(scored.mass.reshape(options.shape), edges)
    counts = np.bincount(edges.relation, minlength=len(edges.relations))
    # A relation all of whose sentences were left out has no score.
    per_edge = np.where(counts, 1 / np.maximum(counts, 1), np.nan)[:, None]
    best = found.argmax(axis=1)
    by_offset = offset_hits(edges)
    found_by_offset = _sums_by_relation(by_offset, edges)
    word = np.arange(len(options))
    credits = {
        "uas": options[word, best[edges.relation]],
        "uas_held_out": held_out_hits(options, edges, seed),
        "offset_uas": by_offset[word, found_by_offset.argmax(axis=1)[edges.relation]],
    }
    held_out = _sums_by_relation(credits["uas_held_out"][:, None], edges)
    overall = {name: float(credit.mean(dtype=np.float64)) for name, credit in credits.items()}
    return ImplicitParse(
        relations=edges.relations,
        edges=counts,
        head_uas=(found * per_edge).reshape(-1, *shape),
        edge_mass=(masses * per_edge).reshape(-1, *shape),
        best=np.stack(np.unravel_index(best, shape), axis=1),
        held_out=(held_out * per_edge)[:, 0],
        offsets=found_by_offset * per_edge,
        uas=overall["uas"],
        uas_held_out=overall["uas_held_out"],
        offset_uas=overall["offset_uas"],
        per_sentence=_per_sentence(edges, credits),
    )


def frequent_uas(parse: ImplicitParse, least: int = 100) -> tuple[float, int]:
    """Return the UAS over the words of relations that have at least so many, and their number.

    Each word is scored by the best head of its relation. NaN if there is no such relation. (The
    evaluation that Clark et al. 2019 released leaves rarer relations out.)
    """
    frequent = parse.edges >= least
    best = parse.head_uas[(np.arange(len(parse.edges)), *parse.best.T)]
    words = int(parse.edges[frequent].sum())
    right = float((best * parse.edges)[frequent].sum())
    return (right / words if words else np.nan), words


def single_head_uas(scored: EdgeHits) -> tuple[float, tuple[int, int, int]]:
    """Return the UAS of the one head and direction that finds most over all words, and which it is.

    The second is (layer, head, direction), each counted from 0; the first of those that tie.
    """
    found = scored.hits.mean(axis=0, dtype=np.float64)
    best = np.unravel_index(found.argmax(), found.shape)
    layer, head, direction = map(int, best)
    return float(found[best]), (layer, head, direction)


def held_out_hits(options: np.ndarray, edges: Edges, seed: int) -> np.ndarray:
    """Return each word's hit by the option chosen, for its relation, on the other half.

    `options` has shape (edges, options), the result (edges,). The halves are of sentences, as
    `implicit_parse` says. With a single sentence there is no other half, and all are NaN.
    """
    sentences, row = np.unique(edges.sentence, return_inverse=True)
    if len(sentences) < 2:
        return np.full(len(options), np.nan)
    order = np.random.default_rng(seed).permutation(len(sentences))
    half = (np.argsort(order) < len(sentences) // 2)[row]
    hits = np.empty(len(options))
    for scored in (half, ~half):
        found = _sums_by_relation(np.where(scored[:, None], 0, options), edges)
        chosen = found.argmax(axis=1)
        absent = np.bincount(edges.relation[~scored], minlength=len(found)) == 0
        chosen[absent] = found.sum(axis=0).argmax()
        place = np.flatnonzero(scored)
        hits[place] = options[place, chosen[edges.relation[place]]]
    return hits


def offset_hits(edges: Edges) -> np.ndarray:
    """Return whether the syntactic head stands at each of `OFFSETS`; shape (edges, 6), 0 or 1."""
    return ((edges.head - edges.dependent)[:, None] == np.array(OFFSETS)).astype(np.float32)


def _sums_by_relation(values: np.ndarray, edges: Edges) -> np.ndarray:
    """Return the sum over the words of each relation, (relations, ...) float64."""
    sums = np.zeros((len(edges.relations), values.shape[1]))
    order = np.argsort(edges.relation, kind="stable")
    present, starts = np.unique(edges.relation[order], return_index=True)
    if len(order):
        sums[present] = np.add.reduceat(values[order], starts, axis=0, dtype=np.float64)
    return sums


def _per_sentence(edges: Edges, credits: dict[str, np.ndarray]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "sentence": edges.sentence,
            "relation": edges.relation,
            "edges": 1,
            **{name: credit.astype(np.float64) for name, credit in credits.items()},
        }
    )
    sums = frame.groupby(["sentence", "relation"], as_index=False).sum()
    sums["relation"] = np.array(edges.relations, dtype=object)[sums["relation"]]
    return sums
