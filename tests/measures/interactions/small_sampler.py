"""A checkpoint of factored attention over a few words, and sentences to sample it from."""

import numpy as np
import pandas as pd
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from ontogeny.runs.architectures import configure, initialise

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "a", "dog", "cat", "sees", "hears", "it"]
POSITIONS = 8
SCHEME = {"proposals": "conditional", "order": "random", "temperature": 1.0}


def word_tokenizer():
    tokenizer = Tokenizer(
        models.WordLevel({w: n for n, w in enumerate(SPECIAL + WORDS)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]",
    )  # fmt: skip


def save_sampler(folder, seed=0):
    config = configure(
        "factored", len(SPECIAL + WORDS), positions=POSITIONS, layers=2, heads=2, width=8,
        initial_deviation=0.3, pad_token_id=0, mask_token_id=4,
    )  # fmt: skip
    initialise(config, seed).save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return folder


def sentences(count=6, longest=6, split="test"):
    """Return random sentences of 2 to so many words, one of which the tokenizer doesn't know."""
    generator = np.random.default_rng(0)
    words = [
        generator.choice([*WORDS, "unheard-of"], generator.integers(2, longest + 1)).tolist()
        for _ in range(count)
    ]
    names = [f"{split}-{number}" for number in range(count)]
    return pd.DataFrame({"sentence_id": names, "document_id": names, "words": words})
