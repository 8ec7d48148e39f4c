"""One checkpoint measured: how far the words of a treebank depend on each other."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from ontogeny.devices import default_device
from ontogeny.measures.decomposition import pair_interdependence, recurrent_layers
from ontogeny.measures.decomposition.layers import WEIGHT
from ontogeny.measures.decomposition.masking import masking_interdependence
from ontogeny.runs.checkpoints.reading import layer_states, most_positions
from ontogeny.runs.checkpoints.token_batches import batches_by_length, model_name, ready
from ontogeny.studies.interdependence.correlation_sums import SUMS, correlation_sums, pearson
from ontogeny.studies.interdependence.word_pairs import Texts, WordPairs, as_texts

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TOKENS_AT_ONCE = 512  # of the sentences whose pairs are found together
CELL = ["sequential_distance", "syntactic_distance", "word_class"]


def measure_pairs(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    sentences: pd.DataFrame,
    pairs: WordPairs,
    *,
    least_cases: int,
    samples: int,
    seed: int,
    device: torch.device | str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure the interdependence of pairs of words in a model.

    LSTMs by contextual decomposition in double precision, other models by masking words, with
    `samples` sets that `seed` draws. Means are taken from `least_cases` cases on.

    Returns rows of INTERDEPENDENCE, then for each sentence how many cases there are in each cell
    and what their DI sums up to, then for each sentence the sums behind the correlation with
    frequency, both of the top layer; what the claims' intervals are drawn from.
    """
    device = torch.device(device or default_device())
    texts = as_texts(tokenizer, list(sentences["words"]), pairs, most_positions(model))
    if any(map(WEIGHT.match, dict(model.named_parameters()))):
        found = _by_decomposition(model, texts, device)
    else:
        found = _by_masking(model, tokenizer, texts, device, samples, seed)
    return summarise(found, texts.pairs, least_cases)


def _by_decomposition(model: Any, texts: Texts, device: torch.device) -> np.ndarray:
    """Return DI of all pairs, (layers, pairs)."""
    parameters = {name: p.to(device) for name, p in model.named_parameters()}
    layers = recurrent_layers(parameters, model_name(model))
    embedding = model.get_input_embeddings().weight.detach().to(device, torch.float64)
    pairs = texts.pairs
    found = np.full((len(layers), len(pairs)), np.nan)
    bounds = np.searchsorted(pairs.sentence, np.arange(len(texts.tokens) + 1))
    lengths = np.array([len(row) for row in texts.tokens]) * (np.diff(bounds) > 0)
    farthest = int(pairs.sequential.max())
    for rows in batches_by_length(lengths, TOKENS_AT_ONCE):
        tokens = np.zeros((len(rows), lengths[rows].max()), dtype=np.int64)
        for place, row in enumerate(rows):
            tokens[place, : lengths[row]] = texts.tokens[row]
        inputs = embedding[torch.from_numpy(tokens).to(device)]
        values = pair_interdependence(layers, inputs, farthest).cpu().numpy()
        for place, row in enumerate(rows):
            own = slice(bounds[row], bounds[row + 1])
            first, distance = pairs.first[own] + texts.first[row], pairs.sequential[own]
            found[:, own] = values[:, place, first, distance - 1]
    return found


def _by_masking(
    model: Any, tokenizer: Any, texts: Texts, device: torch.device, samples: int, seed: int
) -> np.ndarray:
    """Return DI of all pairs, (layers, pairs), the embeddings left out."""
    name, pairs = model_name(model), texts.pairs
    known = (tokenizer.mask_token_id, tokenizer.unk_token_id, tokenizer.pad_token_id)
    baseline = next(token for token in (*known, 0) if token is not None)
    generator = np.random.default_rng(seed)
    bounds = np.searchsorted(pairs.sentence, np.arange(len(texts.tokens) + 1))
    parts = []
    model = ready(model, device)
    with torch.inference_mode():

        def states_of(tokens: torch.Tensor) -> torch.Tensor:
            tokens = tokens.to(device)
            output = model(input_ids=tokens, output_hidden_states=True)
            return torch.stack(layer_states(model, output, tokens, name)[1:]).double().cpu()

        for row in np.flatnonzero(np.diff(bounds)):
            own = slice(bounds[row], bounds[row + 1])
            first = torch.from_numpy(pairs.first[own])
            second = first + torch.from_numpy(pairs.sequential[own])
            tokens = torch.from_numpy(texts.tokens[row])
            words = texts.first[row] + torch.arange(int(texts.words[row]))
            both = torch.stack([first, second], 1)
            parts.append(
                masking_interdependence(
                    states_of, tokens, words, both, baseline, samples, generator
                ).numpy()
            )
    return np.concatenate(parts, 1)


def summarise(
    found: np.ndarray, pairs: WordPairs, least_cases: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return what `measure_pairs` does, from DI (layers, pairs)."""
    cells = pd.DataFrame(
        {
            "sentence": pairs.sentence,
            "sequential_distance": pairs.sequential,
            "syntactic_distance": pairs.syntactic,
            "word_class": pairs.word_class,
        }
    )
    rows: list[pd.DataFrame] = []
    for layer, values in enumerate(found, 1):
        own = cells.assign(value=values)
        groups: list[tuple[pd.DataFrame, list[str]]] = [
            (own.assign(word_class="all"), ["sequential_distance", "word_class"]),
            (own.assign(word_class="all"), CELL),
            (own, CELL),
        ]
        for frame, keys in groups:
            rows += _means(frame, keys, layer, least_cases)
        correlation = frequency_sums(values, pairs)
        for word, sums in correlation.groupby("word"):
            one = float(pearson(sums[list(SUMS)].sum().to_numpy()))
            metrics = {"layer": [layer], "metric": ["frequency_correlation"], "value": [one]}
            rows.append(pd.DataFrame(metrics).assign(word=word))
    table = pd.concat(rows, ignore_index=True)
    table = table[table["value"].notna()].reset_index(drop=True)
    top = cells.assign(value=found[-1]).groupby(["sentence", *CELL])["value"]
    sentences = pd.DataFrame({"cases": top.count(), "total": top.sum()}).reset_index()
    return table, sentences, frequency_sums(found[-1], pairs)


def _means(
    frame: pd.DataFrame, keys: Iterable[str], layer: int, least_cases: int
) -> list[pd.DataFrame]:
    values = frame.groupby([*keys])["value"]
    summary = pd.DataFrame({"cases": values.count(), "interdependence": values.mean()})
    summary.loc[summary["cases"] < least_cases, "interdependence"] = np.nan
    tall = summary.reset_index().melt([*keys], var_name="metric")
    return [tall.assign(layer=layer)]


def frequency_sums(values: np.ndarray, pairs: WordPairs) -> pd.DataFrame:
    """Return, for each sentence and each word of its pairs, the sums behind a rank correlation.

    It is that of DI, ranked among the pairs equally far apart, with the frequency of the earlier or
    of the later word; pairs without a DI are left out. Columns: `sentence`, `word`, and `SUMS`.
    """
    defined = ~np.isnan(values)
    values, pairs = values[defined], pairs.take(defined)
    frames = [
        correlation_sums(
            values, pairs.frequencies[:, place], pairs.sequential, pairs.sentence
        ).assign(word=word)
        for place, word in enumerate(("earlier", "later"))
    ]
    return pd.concat(frames, ignore_index=True)


def of_steps(steps: Iterable[int]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a function that keeps the rows of some steps."""
    kept = list(steps)
    return lambda rows: rows[rows["step"].isin(kept)]
