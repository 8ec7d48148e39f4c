"""Small language models with random weights and small vocabularies, for tests of measures."""

import numpy as np
import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    PreTrainedTokenizerFast,
)

WORDS = [
    *("the", "a", "cat", "dogs", "was", "sat", "unhappily", "mind", "café", "it's", "42", "."),
    *(",", "!", "naïve", "wunderbar"),
]
CAUSAL = ("gpt2", "neox")
KINDS = ("bert", *CAUSAL)


def random_sentences(seed, count=20, longest=9, shortest=1):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(shortest, longest + 1, count)
    return [generator.choice(WORDS, n).tolist() for n in lengths]


def word_piece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=80, special_tokens=special, show_progress=False, min_frequency=1
    )
    tokenizer.train_from_iterator([" ".join(WORDS)], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def byte_level():
    """As GPT-2's: one token that ends a text, and none around it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=290,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([" ".join(WORDS)] * 3, trainer)
    end = {"bos_token": "<|end|>", "eos_token": "<|end|>", "unk_token": "<|end|>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **end)


def build(kind, positions=64, layers=2, heads=3, deviation=0.3):
    """Return a language model and its tokenizer."""
    torch.manual_seed(0)
    sizes = {"num_hidden_layers": layers, "num_attention_heads": heads, "hidden_size": 8 * heads}
    if kind == "bert":
        model = BertForMaskedLM(
            BertConfig(
                vocab_size=80, **sizes, intermediate_size=32, max_position_embeddings=positions
            )
        )
        tokenizer = word_piece()
    elif kind == "gpt2":
        model = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=290,
                n_positions=positions,
                n_embd=8 * heads,
                n_layer=layers,
                n_head=heads,
            )
        )
        tokenizer = byte_level()
    else:
        model = GPTNeoXForCausalLM(
            GPTNeoXConfig(
                vocab_size=290, **sizes, intermediate_size=32, max_position_embeddings=positions
            )
        )
        tokenizer = byte_level()
    for parameter in model.parameters():  # as initialised, all predictions are nearly the same
        torch.nn.init.normal_(parameter, std=deviation)
    return model.eval(), tokenizer
