"""One head's attention in one sentence, over training: for the eye, beside all the averages."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ontogeny.errors import CheckpointError, CorpusError, TableError
from ontogeny.measures.attention import word_attention

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SHORTEST, LONGEST = 6, 12  # words of a sentence that a figure has room for


@dataclass(frozen=True)
class Head:
    """The best head of a relation: layer and head counted from 1, and which way it is read."""

    relation: str
    layer: int
    head: int
    direction: str


def best_head(structure: pd.DataFrame, step: int) -> Head:
    """Return the best head at a step of the relation for which attention does most.

    `structure` holds rows of SAS of one trajectory on one corpus. That relation is the one in which
    heads chosen on other sentences find most words beyond those that stand at the best fixed
    distance. Raises `TableError` if no relation was scored at the step.
    """
    rows = structure[(structure["step"] == step) & structure["relation"].notna()]
    by_relation = rows.pivot_table(
        index="relation",
        columns="metric",
        values="value",
        aggfunc="first",
        observed=True,
    )
    best = rows[rows["metric"] == "uas"].set_index("relation")
    if best.empty:
        raise TableError(
            f"measurements of attention: no relation was scored at step {step}. Delete them and "
            "run the workflow again."
        )
    held_out = by_relation.get("uas_held_out", by_relation["uas"])
    found = (held_out - by_relation["offset_uas"]) * best["n"].astype(float)
    relation = str(found.sort_index().idxmax())
    row = best.loc[[relation]].iloc[0].to_dict()
    return Head(relation, int(row["layer"]), int(row["head"]), str(row["direction"]))


def shown_sentence(sentences: pd.DataFrame, relation: str) -> pd.Series:
    """Return the sentence to show: the first of those with most edges of the relation.

    Taken from the parsed sentences of `SHORTEST` to `LONGEST` words; if there is none with such an
    edge, from those shorter, then from all. Raises `CorpusError` if no sentence has such an edge.
    """
    lengths = sentences["words"].map(len)
    parses = sentences["deprel"].where(sentences["deprel"].notna(), "")  # "" has no relation
    edges = parses.map(lambda names: list(names).count(relation))
    for shortest, longest in ((SHORTEST, LONGEST), (2, LONGEST), (2, np.inf)):
        fits = (lengths >= shortest) & (lengths <= longest) & (edges > 0)
        if fits.any():
            return sentences.iloc[int(np.argmax(edges.where(fits, 0)))]
    raise CorpusError(f"no sentence has an edge of relation {relation}, which is to be shown.")


def attention_map(
    checkpoints: Iterable[tuple[int, "PreTrainedModel", "PreTrainedTokenizerBase"]],
    sentence: pd.Series,
    head: Head,
) -> pd.DataFrame:
    """Return a head's attention between all words of a sentence at some checkpoints.

    `checkpoints` yields step, model and tokenizer; `sentence` is a row of a corpus split with
    `words`, `head` and `deprel`. The rows are those of ATTENTION, without run, corpus and seed.
    Raises `CheckpointError` if a model can't read the sentence, and as `word_attention`.
    """
    words = list(sentence["words"])
    source, target = np.indices((len(words), len(words))).reshape(2, -1)
    spelled = np.array(words, dtype=object)
    frames = []
    for step, model, tokenizer in checkpoints:
        batches = list(word_attention(model, tokenizer, [words]))
        if not batches:
            raise CheckpointError(
                f"step {step}: the model can't read the {len(words)} words of the sentence whose "
                "attention is to be shown. Name a corpus with shorter sentences."
            )
        weights = batches[0].weights[0, head.layer - 1, head.head - 1].cpu().numpy()
        frames.append(
            pd.DataFrame(
                {
                    "step": step,
                    "from": source + 1,
                    "to": target + 1,
                    "metric": "attention",
                    # Pieces are summed, which may pass 1 by a rounding error.
                    "value": np.minimum(weights.ravel().astype(np.float64), 1.0),
                    **asdict(head),
                    "from_word": spelled[source],
                    "to_word": spelled[target],
                    "gold_head": np.asarray(sentence["head"])[source],
                    "gold_relation": np.array(list(sentence["deprel"]), dtype=object)[source],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
