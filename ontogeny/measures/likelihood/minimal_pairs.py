"""Grammatical capability: which sentence of a minimal pair a language model finds likelier."""

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from ontogeny.corpora.text import read_lines
from ontogeny.errors import CorpusError
from ontogeny.measures.likelihood.causal import log_likelihood
from ontogeny.measures.likelihood.pseudo import pseudo_log_likelihood
from ontogeny.measures.likelihood.tokenised import tokenise

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

LOGGER = logging.getLogger("ontogeny")

FIELDS = {"paradigm": "UID", "field": "field", "good": "sentence_good", "bad": "sentence_bad"}


def read_minimal_pairs(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Read minimal pairs in BLiMP's form: all `*.jsonl` of a folder, a pair on each line.

    The columns are `paradigm` (BLiMP's `UID`), `field` (with `_` for `/`), `pair` (the line in its
    file, from 0), `good` and `bad`, the sentences; files come in the order of their names. Lines
    are those of `read_lines`; blank ones are passed over. Raises `CorpusError`, naming file and
    line, if a line is not such a pair or a paradigm is in two files, and if there is no file or no
    pair.
    """
    files = sorted(Path(folder).glob("*.jsonl"))
    if not files:
        raise CorpusError(
            f"{folder}: no minimal pairs there; expected files *.jsonl in BLiMP's form."
        )
    rows: list[dict[str, object]] = []
    owner: dict[object, Path] = {}
    for file in files:
        for number, line in enumerate(read_lines(file)):
            if line.strip():
                row = _read_pair(line, f"{file}, line {number + 1}")
                if owner.setdefault(row["paradigm"], file) != file:
                    raise CorpusError(
                        f"{file}, line {number + 1}: paradigm {row['paradigm']} is also in "
                        f"{owner[row['paradigm']].name}; expected each in one file."
                    )
                rows.append({**row, "pair": number})
    if not rows:
        raise CorpusError(f"{folder}: its files hold no minimal pair; expected one on each line.")
    return pd.DataFrame(rows)[["paradigm", "field", "pair", "good", "bad"]]


def _read_pair(line: str, where: str) -> dict[str, object]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{where}: not JSON ({error}).") from error
    if not isinstance(record, dict):
        raise CorpusError(f"{where}: is {type(record).__name__}; expected keys and values.")
    for key in FIELDS.values():
        value = record.get(key)
        if not isinstance(value, str) or not value.strip():
            raise CorpusError(
                f"{where}: {key} is {value!r}; expected a text. BLiMP's keys are "
                f"{', '.join(FIELDS.values())}."
            )
    row = {name: record[key] for name, key in FIELDS.items()}
    # One of BLiMP's paradigms spells its field "syntax/semantics", the others "syntax_semantics".
    return {**row, "field": row["field"].replace("/", "_")}


def score_minimal_pairs(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    pairs: pd.DataFrame,
    *,
    objective: str,
    within_word: bool = False,
    tokens_per_batch: int | None = None,
    device: torch.device | str | None = None,
) -> pd.DataFrame:
    """Return what the model makes of each pair, a row for each row of `pairs`.

    `pairs` is as `read_minimal_pairs` gives it. With `objective` "masked" a sentence is scored by
    its pseudo-log-likelihood (`within_word` as there), with "causal" by its log-likelihood. The
    columns are `paradigm`, `field`, `pair`; `good` and `bad`, the scores in nats; `correct`, 1 if
    the good sentence has the higher, 0 if the bad has, and 0.5 if both have the same, which is what
    guessing comes to (it happens to sentences that differ in unknown words alone, of which the
    model sees no difference); `unknown`, whether a word of the pair is unknown to the tokenizer:
    such a pair is scored like any other; `too_long`, whether one of its sentences is longer than
    the model can read: then scores and `correct` are NaN.

    The log says how many are unknown and too long. Raises `CorpusError` if all pairs of a paradigm
    are too long, `CheckpointError` as the likelihoods do.
    """
    # A pair's sentences side by side: what they share when masked is then read once.
    sentences = pairs[["good", "bad"]].to_numpy(dtype=object).ravel().tolist()
    if objective == "masked":
        scores = pseudo_log_likelihood(
            model,
            tokenizer,
            sentences,
            within_word=within_word,
            tokens_per_batch=tokens_per_batch,
            device=device,
        )
    elif objective == "causal":
        scores = log_likelihood(
            model, tokenizer, sentences, tokens_per_batch=tokens_per_batch, device=device
        )
    else:
        raise ValueError(f"objective is {objective!r}; expected masked or causal")
    text = tokenise(model, tokenizer, sentences)
    good, bad = scores.reshape(-1, 2).T
    too_long = np.isnan(good) | np.isnan(bad)
    found = pd.DataFrame(
        {
            **{name: pairs[name].to_numpy() for name in ("paradigm", "field", "pair")},
            "good": np.where(too_long, np.nan, good),
            "bad": np.where(too_long, np.nan, bad),
            "correct": np.where(too_long, np.nan, (good > bad) + 0.5 * (good == bad)),
            "unknown": text.unknown.reshape(-1, 2).any(axis=1),
            "too_long": too_long,
        }
    )
    _report(found)
    return found


def accuracy(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy for each paradigm, for each field, and overall.

    `scores` is as `score_minimal_pairs` gives it. The columns are `level` (paradigm, field or
    overall), `name` ("all" for overall), `accuracy`, `pairs` (scored), `unknown` and `too_long`
    (how many). A paradigm's accuracy is the mean over its pairs, those too long left out; a field's
    and the overall one are means over paradigms, so that each counts the same, as in BLiMP, where
    all have as many pairs.
    """
    scores = scores.assign(
        pairs=~scores["too_long"], overall="all", accuracy=scores["correct"].astype(float)
    )
    by_paradigm = scores.groupby(["paradigm", "field", "overall"])
    counted = by_paradigm[["pairs", "unknown", "too_long"]].sum()
    counted["accuracy"] = by_paradigm["accuracy"].mean()
    parts = []
    for level in ("paradigm", "field", "overall"):
        groups = counted.groupby(level=level)
        part = groups[["pairs", "unknown", "too_long"]].sum()
        part["accuracy"] = groups["accuracy"].mean()
        parts.append(part.rename_axis("name").reset_index().assign(level=level))
    columns = ["level", "name", "accuracy", "pairs", "unknown", "too_long"]
    return pd.concat(parts, ignore_index=True)[columns]


def _report(scores: pd.DataFrame) -> None:
    unknown, too_long = int(scores["unknown"].sum()), int(scores["too_long"].sum())
    LOGGER.log(
        logging.WARNING if unknown or too_long else logging.INFO,
        "minimal pairs: %d scored, of which %d hold a word that the tokenizer doesn't know; %d are "
        "longer than the model can read and left out",
        len(scores) - too_long,
        int((scores["unknown"] & ~scores["too_long"]).sum()),
        too_long,
    )
    hopeless = scores.groupby("paradigm")["too_long"].all()
    if hopeless.any():
        raise CorpusError(
            f"minimal pairs: all pairs of {hopeless.index[hopeless][0]} are longer than the model "
            "can read. Leave the paradigm out, or name a model that reads longer sentences."
        )
