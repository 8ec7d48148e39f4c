"""A checkpoint sampled from sentences: chains begin at them, and become sentences again."""

import logging
import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from ontogeny.devices import default_device
from ontogeny.errors import CheckpointError, CorpusError
from ontogeny.measures.interactions.conditionals import conditionals_of
from ontogeny.measures.interactions.sampling import Chains, Progress, Scheme, run_chains
from ontogeny.measures.likelihood.tokenised import tokenise
from ontogeny.runs.checkpoints.loading import Loaded, load_checkpoint
from ontogeny.runs.checkpoints.token_batches import padded, padding_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LOGGER = logging.getLogger("ontogeny")


class Cloned(NamedTuple):
    """The words of each sentence after each number of sweeps, and what each sweep was like.

    `records` are those of `sampling.Progress`.
    """

    texts: dict[int, list[list[str]]]
    records: list[dict[str, float]]


def chosen(
    sentences: pd.DataFrame, settings: Mapping[str, Any], seed: int, source: str
) -> pd.DataFrame:
    """Return the sentences that chains begin at, numbered from 0: the same for all samplers.

    `settings` has `sentences`, how many at most, and `shortest` and `longest`, in words. Raises
    `CorpusError` that names `source`, their file, if there are fewer than two such sentences.
    """
    lengths = sentences["words"].map(len)
    fit = np.flatnonzero(lengths.between(settings["shortest"], settings["longest"]))
    if len(fit) < 2:
        raise CorpusError(
            f"{source}: {len(fit)} sentences have {settings['shortest']} to "
            f"{settings['longest']} words; clones need at least 2. Change shortest or longest."
        )
    drawn = np.random.default_rng([seed, 3]).permutation(fit)[: settings["sentences"]]
    return sentences.iloc[np.sort(drawn)].reset_index(drop=True)


def load_sampler(checkpoint: str | os.PathLike[str]) -> Loaded:
    """Load a checkpoint that gives conditionals on both sides; raise `CheckpointError` if none."""
    loaded = load_checkpoint(checkpoint)
    if loaded.objective != "masked" or loaded.tokenizer.mask_token_id is None:
        raise CheckpointError(
            f"{checkpoint}: is {loaded.objective}; clones are drawn from conditionals on both "
            "sides, which a masked model with a mask token gives. Sample another run."
        )
    return loaded


def clone_sentences(
    loaded: Loaded,
    words: Sequence[Sequence[str]],
    settings: Mapping[str, Any],
    seed: int,
    *,
    keep: Collection[int],
    state: str | os.PathLike[str],
    source: str,
) -> Cloned:
    """Sample sentences for as many sweeps as the most of `keep`, and return them after each.

    `settings` has `proposals`, `order` and `temperature`. `state` is where a job that is killed
    left off, and stays when all is done. Raises `CorpusError` that names `source`, the sentences'
    file, if they don't fit into the model, and as `sampling.run_chains` does.
    """
    chains, allowed, owners = _chains(loaded, words, source)
    done = run_chains(
        conditionals_of(loaded.model, int(loaded.tokenizer.mask_token_id)), chains, allowed,
        max(keep), scheme=scheme_of(settings), seed=seed, keep=keep, state=state, callback=_say,
    )  # fmt: skip
    texts = {
        sweeps: decoded(loaded.tokenizer, words, chains, tokens.cpu(), owners)
        for sweeps, tokens in sorted(done.kept.items())
    }
    return Cloned(texts, done.records)


def _say(progress: Progress) -> None:
    LOGGER.info("sweep %d", progress.sweeps)


def scheme_of(settings: Mapping[str, Any]) -> Scheme:
    """Return how chains move, by the settings of a study or a corpus."""
    return Scheme(settings["proposals"], settings["order"], settings["temperature"])


def _chains(
    loaded: Loaded, words: Sequence[Sequence[str]], source: str
) -> tuple[Chains, torch.Tensor, torch.Tensor]:
    """Return chains that begin at sentences, the tokens that may come, and tokens' words."""
    model: Any = loaded.model
    tokenizer = loaded.tokenizer
    text = tokenise(model, tokenizer, [" ".join(sentence) for sentence in words])
    if text.too_long.any():
        worst = int(text.lengths.argmax())
        raise CorpusError(
            f"{source}: the sentence {' '.join(words[worst][:5])!r} ... has {text.lengths[worst]} "
            f"tokens, more than the {model.config.model_type} model reads. Lower longest."
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
