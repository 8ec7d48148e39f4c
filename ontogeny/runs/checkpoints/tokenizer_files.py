"""The files that a tokenizer is kept in, by the names that transformers gives them."""

import os
from pathlib import Path

from ontogeny.errors import CheckpointError

TOKENIZER_JSON = "tokenizer.json"
# SentencePiece models: of Llama and Mistral; ALBERT, T5 and XLNet; DeBERTa-v2 and v3; XLM-RoBERTa
# and CamemBERT; RemBERT.
SENTENCEPIECE_FILES = (
    "tokenizer.model",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
    "sentencepiece.model",
)
# Each holds a vocabulary, in the order in which they are looked for.
TOKENIZER_FILES = (TOKENIZER_JSON, "vocab.txt", "vocab.json", *SENTENCEPIECE_FILES)
# All that a tokenizer may have: nothing else is brought from a tokenizer that stands in.
TOKENIZER_PARTS = (
    *TOKENIZER_FILES,
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
)


def vocabulary_files(path: str | os.PathLike[str]) -> list[Path]:
    """Return the files of a folder that hold a vocabulary, in the order of `TOKENIZER_FILES`."""
    return [Path(path) / name for name in TOKENIZER_FILES if (Path(path) / name).is_file()]


def sentencepiece_alone(path: str | os.PathLike[str]) -> Path | None:
    """Return the SentencePiece model that is all that a folder has of a vocabulary, else None."""
    files = vocabulary_files(path)
    return files[0] if files and files[0].name in SENTENCEPIECE_FILES else None


def check_tokenizer(path: str | os.PathLike[str]) -> None:
    """Raise `CheckpointError` unless the folder has the files of a tokenizer."""
    if not vocabulary_files(path):
        raise CheckpointError(
            f"{path}: has no tokenizer; expected one of {', '.join(TOKENIZER_FILES)}. Save the "
            "tokenizer there, or name a folder that has it (`tokenizer:` of the run)."
        )
