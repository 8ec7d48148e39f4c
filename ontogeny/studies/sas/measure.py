"""One checkpoint measured: what its attention parses, how well it predicts, how complex it is."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from ontogeny.corpora.sampling import sample
from ontogeny.measures.attention import BetweenWords, word_attention
from ontogeny.measures.attention.cut_sentences import cut_sentences
from ontogeny.measures.attention.edge_hits import edge_hits, gold_edges, hits_of
from ontogeny.measures.attention.implicit_parse import (
    OFFSETS,
    ImplicitParse,
    frequent_uas,
    implicit_parse,
    single_head_uas,
)
from ontogeny.measures.complexity import fisher_traces, intrinsic_dimension, weight_norm
from ontogeny.measures.features import extract
from ontogeny.measures.features.extraction import maximum_length
from ontogeny.measures.likelihood import accuracy, held_out_loss, score_minimal_pairs
from ontogeny.studies.sas.tables import DIRECTIONS, PAIR_COLUMNS, SAS, SENTENCE_COLUMNS

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# What a checkpoint's rows lack until it is said which checkpoint it is.
PLACE = ("run", "corpus", "seed", "step")
_ROW = [column.name for column in SAS.columns if column.name not in PLACE]


def measure_structure(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    sentences: pd.DataFrame,
    *,
    source: str,
    objective: str,
    points: int = 2000,
    fisher_sentences: int = 100,
    fisher_draws: int = 10,
    too_long: str = "leave_out",
    seed: int = 0,
    tokens_per_batch: int | None = None,
    device: torch.device | str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure attention structure, loss and complexity of a language model on a corpus's sentences.

    `sentences` is in the form of a corpus split, which messages call `source`. The vectors of
    `points` words, in whole sentences, serve the intrinsic dimension, and `fisher_sentences`
    sentences, drawn at random too, the Fisher information, as the mean of `fisher_draws` draws of
    predicted tokens; `seed` draws them, the halves of the held-out score, and what is masked, the
    same for every checkpoint. Sentences longer than the model reads are left out, or, if `too_long`
    is `cut`, cut to what it reads.

    Returns rows of SAS and rows with SENTENCE_COLUMNS, both without `PLACE`. Raises `CorpusError`
    if the corpus has no trees, and as `word_attention`, `held_out_loss`, `extract` and
    `fisher_trace` do.
    """
    edges = gold_edges(sentences, source)
    if too_long == "cut":
        sentences = cut_sentences(sentences, tokenizer, maximum_length(model, tokenizer))
        edges = gold_edges(sentences, source)
    batch: dict[str, Any] = {"tokens_per_batch": tokens_per_batch, "device": device}
    words = list(sentences["words"])
    between = BetweenWords(word_attention(model, tokenizer, words, **batch))
    of_all_words = edge_hits(between, gold_edges(sentences, source, punctuation=True))
    parse = implicit_parse(hits_of(of_all_words, edges), seed)
    losses, predictions = held_out_loss(
        model, tokenizer, words, objective=objective, seed=seed, **batch
    )
    features = extract(
        model, tokenizer, sample(sentences, points, seed), dtype=torch.float32, **batch
    )
    vectors = features.vectors[:, features.valid]
    readable = np.flatnonzero(predictions)
    drawn = np.random.default_rng(seed).permutation(readable)[:fisher_sentences]
    traces = fisher_traces(
        model,
        tokenizer,
        [words[row] for row in np.sort(drawn)],
        objective=objective,
        draws=fisher_draws,
        seed=seed,
        device=device,
    )
    frequent, frequent_words = frequent_uas(parse)
    single, (layer, head, direction) = single_head_uas(of_all_words)
    dimensions = intrinsic_dimension(vectors)
    whole = [
        {"metric": "loss", "value": losses.sum() / predictions.sum(), "n": predictions.sum()},
        {"metric": "uas_frequent", "value": frequent, "n": frequent_words},
        {
            "metric": "uas_single_head",
            "value": single,
            "layer": layer + 1,
            "head": head + 1,
            "direction": DIRECTIONS[direction],
            "n": len(of_all_words.edges.sentence),
        },
        {
            "metric": "attention_between_words",
            "value": between.total / between.words,
            "n": between.words,
        },
        {"metric": "fisher_trace", "value": traces.mean(), "n": predictions[drawn].sum()},
        {
            "metric": "fisher_trace_error",
            "value": traces.std(ddof=1) / np.sqrt(len(traces)),
            "n": len(traces),
        },
        {"metric": "weight_norm", "value": weight_norm(model)},
        *(
            {
                "metric": "intrinsic_dimension",
                "value": value,
                "layer": layer,
                "n": vectors.shape[1],
            }
            for layer, value in enumerate(dimensions)
        ),
    ]
    rows = pd.concat([parse_rows(parse), pd.DataFrame(whole)], ignore_index=True)
    return (
        _rows(rows),
        _sentence_rows(parse, losses, predictions),
    )


def measure_capability(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    pairs: pd.DataFrame,
    *,
    objective: str,
    within_word: bool = False,
    tokens_per_batch: int | None = None,
    device: torch.device | str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure a language model's grammatical capability on minimal pairs.

    Arguments and errors are those of `score_minimal_pairs`. Returns rows of SAS and rows with
    PAIR_COLUMNS, both without `PLACE`; pairs that are too long for the model are left out.
    """
    scores = score_minimal_pairs(
        model,
        tokenizer,
        pairs,
        objective=objective,
        within_word=within_word,
        tokens_per_batch=tokens_per_batch,
        device=device,
    )
    found = accuracy(scores)
    field_of = scores.drop_duplicates("paradigm").set_index("paradigm")["field"]
    of_paradigm = found["level"] == "paradigm"
    field = found["name"].where(found["level"] == "field")
    rows = pd.DataFrame(
        {
            "metric": "minimal_pair_accuracy",
            "value": found["accuracy"],
            "field": field.where(~of_paradigm, found["name"].map(field_of)),
            "paradigm": found["name"].where(of_paradigm),
            "n": found["pairs"],
        }
    )
    scored = scores[~scores["too_long"]]
    return _rows(rows), scored[[name for name in PAIR_COLUMNS if name not in PLACE]]


def drawn_pairs(pairs: pd.DataFrame, per_paradigm: int, seed: int) -> pd.DataFrame:
    """Draw so many pairs of each paradigm, or all it has; they keep their order and numbers."""
    generator = np.random.default_rng(seed)
    order = pd.Series(generator.permutation(len(pairs)), index=pairs.index)
    place = order.groupby(pairs["paradigm"]).rank(method="first")
    return pairs[place <= per_paradigm].reset_index(drop=True)


def parse_rows(parse: ImplicitParse) -> pd.DataFrame:
    """Return the implicit parse as rows of SAS, without `PLACE`; what has no value is left out."""
    relations = np.array(parse.relations, dtype=object)
    relation, layer, head, direction = np.indices(parse.head_uas.shape).reshape(4, -1)
    heads = {
        "relation": relations[relation],
        "layer": layer + 1,
        "head": head + 1,
        "direction": np.array(DIRECTIONS, dtype=object)[direction],
        "n": parse.edges[relation],
    }
    best = parse.best.T
    of_relation = {"relation": relations, "n": parse.edges}
    total = {"n": [parse.edges.sum()]}
    frames = [
        {**heads, "metric": "head_uas", "value": parse.head_uas.ravel()},
        {**heads, "metric": "edge_mass", "value": parse.edge_mass.ravel()},
        {
            **of_relation,
            "metric": "uas",
            "value": parse.head_uas[(np.arange(len(relations)), *best)],
            "layer": best[0] + 1,
            "head": best[1] + 1,
            "direction": np.array(DIRECTIONS, dtype=object)[best[2]],
        },
        {**of_relation, "metric": "uas_held_out", "value": parse.held_out},
        {
            **of_relation,
            "metric": "offset_uas",
            "value": parse.offsets.max(axis=1),
            "offset": np.array(OFFSETS)[parse.offsets.argmax(axis=1)],
        },
        {**total, "metric": "uas", "value": [parse.uas]},
        {**total, "metric": "uas_held_out", "value": [parse.uas_held_out]},
        {**total, "metric": "offset_uas", "value": [parse.offset_uas]},
    ]
    rows = pd.concat(map(pd.DataFrame, frames), ignore_index=True)
    return rows.dropna(subset="value")


def _rows(found: pd.DataFrame) -> pd.DataFrame:
    """Return rows with all columns of SAS but `PLACE`; layers without a dimension are left out."""
    rows = found.reindex(columns=_ROW).dropna(subset="value")
    kinds = {column.name: column.kind for column in SAS.columns}
    types = {"string": "str", "int": "Int64", "float": "float64"}
    return rows.astype({name: types[kinds[name]] for name in _ROW}).reset_index(drop=True)


def _sentence_rows(
    parse: ImplicitParse, losses: np.ndarray, predictions: np.ndarray
) -> pd.DataFrame:
    """Return a row for each sentence; sums are 0 where nothing in it is scored."""
    sums = parse.per_sentence.drop(columns="relation").groupby("sentence").sum()
    rows = sums.reindex(range(len(losses)), fill_value=0).rename_axis("sentence").reset_index()
    rows = rows.assign(loss=losses, predictions=predictions)
    return rows[[name for name in SENTENCE_COLUMNS if name not in PLACE]]
