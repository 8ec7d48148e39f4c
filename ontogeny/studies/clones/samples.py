"""A run's checkpoint sampled from test sentences: clones, as sentences again."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from ontogeny.corpora.corpus import write_split
from ontogeny.devices import default_device
from ontogeny.errors import CheckpointError, CorpusError
from ontogeny.measures.interactions.conditionals import conditionals_of
from ontogeny.measures.interactions.sampling import Chains, Progress, Scheme, run_chains
from ontogeny.measures.likelihood.tokenised import tokenise
from ontogeny.runs.architectures.factored import order_of
from ontogeny.runs.checkpoints.loading import Loaded, load_checkpoint
from ontogeny.runs.checkpoints.token_batches import padded, padding_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LOGGER = logging.getLogger("ontogeny")
FACTORED = "ontogeny_factored"


def chosen(sentences: pd.DataFrame, settings: Mapping[str, Any], seed: int) -> pd.DataFrame:
    """Return the test sentences that chains begin at, numbered from 0: the same for all samplers.

    `settings` has `sentences`, how many, and `shortest` and `longest`, in words. Raises
    `CorpusError` if there are fewer than two such sentences.
    """
    lengths = sentences["words"].map(len)
    fit = np.flatnonzero(lengths.between(settings["shortest"], settings["longest"]))
    if len(fit) < 2:
        raise CorpusError(
            f"clones: {len(fit)} test sentences have {settings['shortest']} to "
            f"{settings['longest']} words; expected at least 2. Change shortest or longest."
        )
    drawn = np.random.default_rng([seed, 3]).permutation(fit)[: settings["sentences"]]
    return sentences.iloc[np.sort(drawn)].reset_index(drop=True)


def sample(
    checkpoint: str | os.PathLike[str],
    sentences: pd.DataFrame,
    settings: Mapping[str, Any],
    seed: int,
    clones: Mapping[int, str | os.PathLike[str]],
    state: str | os.PathLike[str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write a clone for each number of sweeps, and return rows of both tables, keys of runs apart.

    `clones` maps numbers of sweeps to files, which get the form of a corpus's split. `state` is
    where a job that is killed left off; it goes when all is done. Raises `CheckpointError` if the
    checkpoint gives no conditionals on both sides, `CorpusError` if sentences don't fit into it.
    """
    loaded = load_checkpoint(checkpoint)
    if loaded.objective != "masked" or loaded.tokenizer.mask_token_id is None:
        raise CheckpointError(
            f"{checkpoint}: is {loaded.objective}; clones are drawn from conditionals on both "
            "sides, which a masked model with a mask token gives. Take it from samplers."
        )
    words = list(sentences["words"])
    chains, allowed, owners = _chains(loaded, words)
    conditionals = conditionals_of(loaded.model, int(loaded.tokenizer.mask_token_id))
    clones = dict(sorted(clones.items()))
    shown: list[dict[str, Any]] = []
    done = run_chains(
        conditionals, chains, allowed, max(clones), scheme=scheme_of(settings), seed=seed,
        keep=clones, state=state, callback=_say,
    )  # fmt: skip
    # Not before the end: files of a job that is killed are removed, what its state has kept isn't.
    for sweeps, file in clones.items():
        texts = decoded(loaded.tokenizer, words, chains, done.kept[sweeps].cpu(), owners)
        clone = sentences[["sentence_id", "document_id"]].assign(words=pd.Series(texts))
        write_split(clone, file, source=str(checkpoint))
        shown.extend(_before_and_after(words, texts, sweeps, settings["shown"]))
    Path(state).unlink(missing_ok=True)
    layers, order = depth_of(loaded.model.config)
    rows = [
        {"sweeps": sweep, "metric": metric, "value": value, "layers": layers, "order": order}
        for sweep, record in enumerate(done.records)
        for metric, value in record.items()
        if not np.isnan(value)
    ]
    return pd.DataFrame(rows).assign(part="sampling"), pd.DataFrame(shown)


def _say(progress: Progress) -> None:
    LOGGER.info("sweep %d", progress.sweeps)


def scheme_of(settings: Mapping[str, Any]) -> Scheme:
    """Return how chains move, by the study's settings."""
    return Scheme(settings["proposals"], settings["order"], settings["temperature"])


def depth_of(config: Any) -> tuple[int | None, int | None]:
    """Return how many layers a model has, and the highest order that it can represent, if any."""
    layers: int | None = getattr(config, "num_hidden_layers", None)
    bounded = config.model_type == FACTORED and layers is not None
    return layers, order_of(layers) if bounded and layers else None


def _chains(loaded: Loaded, words: Sequence[Sequence[str]]) -> tuple[Chains, Any, Any]:
    """Return chains that begin at sentences, the tokens that may come, and tokens' words."""
    model: Any = loaded.model
    tokenizer = loaded.tokenizer
    text = tokenise(model, tokenizer, [" ".join(sentence) for sentence in words])
    if text.too_long.any():
        worst = int(text.lengths.argmax())
        raise CorpusError(
            f"clones: sentence {worst + 1} has {text.lengths[worst]} tokens, more than the "
            f"{model.config.model_type} model of samplers reads. Lower longest."
        )
    padding, device = padding_id(model, tokenizer), default_device()
    tokens, attended = padded(text.ids, text.starts, text.lengths, padding)
    owners, _ = padded(text.word, text.starts, text.lengths, -1)
    allowed = torch.ones(model.config.vocab_size, dtype=torch.bool)
    allowed[len(tokenizer) :] = False
    allowed[torch.tensor(sorted(tokenizer.all_special_ids))] = False
    model.to(device)
    found = Chains(tokens.to(device), attended.to(device), (owners >= 0).to(device))
    return found, allowed.to(device), owners


def decoded(
    tokenizer: "PreTrainedTokenizerFast",
    words: Sequence[Sequence[str]],
    chains: Chains,
    tokens: torch.Tensor,
    owners: torch.Tensor,
) -> list[list[str]]:
    """Return what chains say, as sentences of words.

    Where a word is one token, one that stayed is the word that stood there, known to the tokenizer
    or not. Where words are pieces, what they join to may be other words, and more or fewer.
    """
    start, found = chains.tokens.cpu(), []
    for row, sentence in enumerate(words):
        place = (owners[row] >= 0).nonzero()[:, 0]
        ids = tokens[row, place].tolist()
        if len(ids) == len(sentence):
            stayed = (tokens[row, place] == start[row, place]).tolist()
            new = tokenizer.convert_ids_to_tokens(ids)
            found.append(
                [
                    old if same else word
                    for old, word, same in zip(sentence, new, stayed, strict=True)
                ]
            )
        else:
            found.append(str(tokenizer.decode(ids)).split() or list(sentence))
    return found


def _before_and_after(
    words: Sequence[Sequence[str]], texts: Sequence[Sequence[str]], sweeps: int, shown: int
) -> list[dict[str, Any]]:
    return [
        {
            "sweeps": sweeps,
            "sentence": number + 1,
            "metric": "overlap",
            "value": float(np.mean([a == b for a, b in zip(before, after, strict=False)])),
            "before": " ".join(before),
            "after": " ".join(after),
        }
        for number, (before, after) in enumerate(zip(words[:shown], texts[:shown], strict=True))
    ]
