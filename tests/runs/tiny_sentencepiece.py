"""Small SentencePiece models, laid out as those of published models are."""

import io
import json
import random

import sentencepiece

TEXT = """
    the cat dogs sleep sleeping run running house houses garden old very slowly ran singer sings
    song songs sang in on of a isn't café naïve 1,000 2024 Paris ﬁne Zürich , .
"""
WORDS = TEXT.split()
BERT_LIKE = {"pad_piece": "[PAD]", "bos_piece": "[CLS]", "eos_piece": "[SEP]", "unk_piece": "[UNK]"}

# model_type: (name of the file, how the numbers of special tokens are laid out, the tokenizer's
# class where transformers doesn't know it from the model_type, special tokens around a text)
FAMILIES = {
    "albert": (
        "spiece.model",
        {"pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3, "bos_piece": "[CLS]"}
        | {"eos_piece": "[SEP]", "user_defined_symbols": ["[MASK]"]},
        None,
        ("[CLS]", "[SEP]"),
    ),
    "deberta-v2": (
        "spm.model",
        {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3, **BERT_LIKE},
        None,
        ("[CLS]", "[SEP]"),
    ),
    "xlm-roberta": ("sentencepiece.bpe.model", {}, None, ("<s>", "</s>")),
    "camembert": ("sentencepiece.bpe.model", {}, None, ("<s>", "</s>")),
    "t5": ("spiece.model", {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}, None, ("</s>",)),
    "llama": (
        "tokenizer.model",
        {"model_type": "bpe", "byte_fallback": True, "vocab_size": 400},
        "LlamaTokenizer",
        (),
    ),
}


def sentences(count=500, seed=0):
    """Return so many sentences of twelve words."""
    generator = random.Random(seed)
    return [" ".join(generator.choices(WORDS, k=12)) for _ in range(count)]


def train(seed=0, **layout):
    """Return the bytes of a SentencePiece model."""
    model = io.BytesIO()
    settings = {"model_type": "unigram", "vocab_size": 120, **layout}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences(seed=seed)),
        model_writer=model,
        hard_vocab_limit=False,
        minloglevel=2,
        **settings,
    )
    return model.getvalue()


def save(folder, family, *, name=None, tokenizer_class=None, **layout):
    """Save a config and the family's SentencePiece model in a folder; return the model."""
    file, own, known_class, _ = FAMILIES.get(family, ("", {}, None, ()))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": family}))
    if chosen := tokenizer_class or known_class:
        (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": chosen}))
    (folder / (name or file)).write_bytes(train(**own, **layout))
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / (name or file)))
