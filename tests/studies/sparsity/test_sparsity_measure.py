import numpy as np
import pandas as pd
import pytest

from ontogeny.errors import CorpusError, TableError
from ontogeny.measures.concentration import Texts, concentration_by_token
from ontogeny.measures.concentration.by_token import Measured
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.pretraining.tokenizers import train_tokenizer
from ontogeny.studies.sparsity.measure import measure_checkpoint, vocabulary
from ontogeny.studies.sparsity.trajectory import Key, read_trajectory

WORDS = [["the", "cat", "sees", "the", "dog"], ["a", "dog", "sees", "a", "cat"]] * 4
TAGGED = pd.DataFrame({"words": WORDS, "upos": [["DET", "NOUN", "VERB", "DET", "NOUN"]] * 8})
LEAST = {"occurrences": 3, "least_tagged": 4}


def measured(seed=0, step=0, **least):
    tokenizer = train_tokenizer(WORDS, kind="word", objective="causal")
    config = configure(
        "lstm", len(tokenizer), layers=2, width=6, positions=9, pad_token_id=0, dropout=0.0
    )
    model = initialise(config, seed + 10 * step).eval()
    known = vocabulary(tokenizer, WORDS, TAGGED, {**LEAST, **least}["least_tagged"])
    texts = Texts(streams=2, length=7)
    rows = measure_checkpoint(
        model, tokenizer, "causal", TAGGED, known, texts, **{**LEAST, **least}
    )
    keys = {"run": "lstm", "corpus": "toy", "seed": seed, "step": step}
    return rows.assign(**keys), concentration_by_token(model, tokenizer, WORDS, "causal", texts)


def test_a_row_for_each_frequent_word_and_a_column_for_each_quantity():
    rows, found = measured()
    assert sorted(rows["word"]) == ["a", "cat", "dog", "sees", "the"]
    assert dict(zip(rows["word"], rows["frequency"], strict=True))["the"] == 8
    assert dict(zip(rows["word"], rows["word_class"], strict=True)) == {
        "a": "closed", "the": "closed", "cat": "open", "dog": "open", "sees": "open",
    }  # fmt: skip
    means = found.means[Measured("recurrent", 2, "gradient", "chi")][1]
    assert rows["recurrent.2.gradient.chi.target"].tolist() == sorted(
        means[~np.isnan(means)], key=list(means).index
    )
    assert "logits..gradient.gini.target" not in rows


def test_chunks_are_put_together_again(tmp_path):
    for seed in (0, 1):
        for chunk in (0, 1):
            frames = [measured(seed, step)[0] for step in (2 * chunk, 2 * chunk + 1)]
            pd.concat(frames).to_parquet(tmp_path / f"{seed}-{chunk}")
    paths = sorted(tmp_path.iterdir())
    found = read_trajectory(paths, matched=2)
    assert (found.run, found.layers, found.top) == ("lstm", "recurrent", 2)
    values = found.values[Key("recurrent", 1, "activation", "chi", "input")]
    assert values.shape == (5, 2, 4)
    expected = measured(1, 3)[0].set_index("word")["recurrent.1.activation.chi.input"]
    assert values[:, 1, 3] == pytest.approx(expected[list(found.words)].to_numpy())
    assert found.members["closed_matched"].sum() == found.members["open_matched"].sum() == 2
    with pytest.raises(TableError, match="not all seeds"):
        read_trajectory(paths[1:], matched=2)
    with pytest.raises(CorpusError, match="matched: is 3, but 2 words of closed"):
        read_trajectory(paths, matched=3)


def test_a_class_without_words_is_refused():
    with pytest.raises(CorpusError, match="no word of open classes comes 9 times"):
        measured(least_tagged=9)
