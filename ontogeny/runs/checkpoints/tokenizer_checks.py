"""Whether the tokenizer that transformers loaded is the one that a checkpoint's files tell of.

A `tokenizer.json` holds a tokenizer whole. Of older forms transformers makes one by the rules of a
class: which file it reads, how text is normalised, where words begin, which numbers the special
tokens have. Where these aren't the rules of the files at hand, what comes out is no error, but a
tokenizer that knows no word, or cuts words otherwise than in training.
"""

import logging
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ontogeny.errors import CheckpointError
from ontogeny.runs.checkpoints.tokenizer_files import (
    SENTENCEPIECE_FILES,
    TOKENIZER_JSON,
    sentencepiece_alone,
    vocabulary_files,
)

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor
    from transformers import PreTrainedTokenizerFast

LOGGER = logging.getLogger("ontogeny")

WORDS = 1000  # at most, that are compared
TOGETHER = 50  # words in a text
UNKNOWN = "\ue000"  # of no meaning (private use), so that no model has it
COMPATIBLE = "ﬁＡ…½"  # Unicode's compatibility characters, which SentencePiece writes otherwise


def check_loaded(tokenizer: "PreTrainedTokenizerFast", path: str | os.PathLike[str]) -> None:
    """Raise `CheckpointError` unless a tokenizer is the one that the folder's files tell of.

    `tokenizer` is what transformers loaded from the folder `path`. It has to be made of a
    vocabulary there (where there is none in the file that its class reads, transformers makes one
    up), to map tokens to words, and, if it was made of a SentencePiece model, to cut text as that
    one does (`check_conversion`).
    """
    kind, files = type(tokenizer).__name__, vocabulary_files(path)
    own = tokenizer.vocab_files_names.get("vocab_file", TOKENIZER_JSON)
    reads = list(dict.fromkeys((TOKENIZER_JSON, own)))
    read = next((file for file in files if file.name in reads), None)
    if read is None:
        raise _not_made_of(files[0], f"its {kind} reads {' or '.join(reads)}")
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"{path}: its tokenizer ({kind}) can't map tokens to words; expected a fast tokenizer, "
            "saved with a tokenizer.json."
        )
    if read.name in SENTENCEPIECE_FILES:
        check_conversion(tokenizer, read)


def refuse_older_form(path: str | os.PathLike[str], error: CheckpointError) -> None:
    """Raise `CheckpointError` with the remedy, if no `tokenizer.json` is what couldn't be loaded.

    `error` says that transformers couldn't load the tokenizer in a folder. What it says itself of
    older forms is that other libraries may help, which they don't.
    """
    file = vocabulary_files(path)[0]
    if sentencepiece_alone(path):
        read_sentencepiece(file)
    if file.name != TOKENIZER_JSON:
        raise _not_made_of(file, str(error.__cause__)) from error


def _not_made_of(file: Path, fault: str) -> CheckpointError:
    import transformers

    (first, *_) = fault.splitlines() or ["without a reason"]
    return CheckpointError(
        f"{file}: transformers {transformers.__version__} can't make the tokenizer of it alone "
        f"({first.rstrip(' :.')}). Load it with the library that the model was trained with, and "
        "save it there with a tokenizer.json."
    )


def read_sentencepiece(file: Path) -> "SentencePieceProcessor":
    """Return a SentencePiece model. Raises `CheckpointError` if the file doesn't hold one."""
    from sentencepiece import SentencePieceProcessor

    try:
        return SentencePieceProcessor(model_file=str(file))
    except (RuntimeError, OSError) as error:
        raise CheckpointError(
            f"{file}: can't be read as a SentencePiece model ({error}). Copy it again; or, if it "
            "is of another kind, save the tokenizer there with a tokenizer.json."
        ) from error


def check_conversion(tokenizer: "PreTrainedTokenizerFast", file: Path) -> None:
    """Raise `CheckpointError` unless a tokenizer cuts text as the SentencePiece model in `file`.

    `tokenizer` is what transformers made of that model alone. Compared are words of the model's
    vocabulary, each as a text and many in one, and a character that the model doesn't know: pieces
    must be the same, and so must their numbers, but for a constant. (XLM-RoBERTa's are greater by
    one, since fairseq put special tokens before them.) The words are of lower case and without
    accents, as every class leaves them. A tokenizer with a `cls_token` must put it to a text.

    If transformers leaves characters as they are which the model writes otherwise (`COMPATIBLE`),
    the log says so. That is no error: it does the same to a tokenizer.json, of DeBERTa-v2 for one.
    """
    model = read_sentencepiece(file)
    unknown = model.id_to_piece(model.unk_id())
    words = _plain_words(model)
    texts = [*words, UNKNOWN]
    texts += [" ".join(words[first : first + TOGETHER]) for first in range(0, len(words), TOGETHER)]
    numbers = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
    kind, shifts = type(tokenizer).__name__, set()
    for text, found, expected in zip(texts, numbers, model.encode(texts), strict=True):
        cut = tokenizer.convert_ids_to_tokens(found)
        pieces = [model.id_to_piece(number) for number in expected]
        # A class may have a token of its own for what the model doesn't know.
        renamed = [tokenizer.unk_token if piece == unknown else piece for piece in pieces]
        if cut not in (pieces, renamed):
            fault = f"cuts {text[:20]!r} into {_shown(cut)}, and the model into {_shown(pieces)}"
            raise _not_made_of(file, f"its {kind} {fault}")
        pairs = zip(found, expected, strict=True)
        shifts |= {own - number for own, number in pairs if not model.is_unknown(number)}
    if len(shifts) > 1:
        raise _not_made_of(file, f"its {kind} numbers the model's pieces in another order")
    special = tokenizer(UNKNOWN, verbose=False)["input_ids"]
    if tokenizer.cls_token_id is not None and tokenizer.cls_token_id not in special:
        raise _not_made_of(file, f"its {kind} puts no {tokenizer.cls_token} to a text")
    kept = [c for c in COMPATIBLE if c in _normalised(tokenizer, c) and c not in model.normalize(c)]
    if kept:
        LOGGER.warning(
            "%s: transformers leaves characters as they are (such as %s) that the model knows in "
            "another form alone; words with them are cut otherwise than in training",
            file,
            " ".join(kept),
        )


def _plain_words(model: "SentencePieceProcessor") -> list[str]:
    """Return words of the vocabulary, the first, that no tokenizer writes otherwise."""
    special = (model.is_control, model.is_unknown, model.is_unused, model.is_byte)
    words: dict[str, None] = {}
    for number in range(model.get_piece_size()):
        word = model.id_to_piece(number).lstrip("▁")
        is_plain = word.isalpha() and word == unicodedata.normalize("NFKD", word).lower()
        if is_plain and not any(test(number) for test in special):
            words[word] = None
            if len(words) == WORDS:
                break
    return list(words)


def _normalised(tokenizer: "PreTrainedTokenizerFast", text: str) -> str:
    normalizer = tokenizer.backend_tokenizer.normalizer
    return text if normalizer is None else normalizer.normalize_str(text)


def _shown(pieces: Sequence[str]) -> str:
    return " ".join(map(repr, pieces[:6])) or "nothing"
