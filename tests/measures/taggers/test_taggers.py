import math

import numpy as np
import pandas as pd
import pytest
import torch

from ontogeny.corpora.corpus import SCHEMA
from ontogeny.errors import CorpusError, TrainingError
from ontogeny.measures.taggers import (
    TaggedText,
    Tagger,
    TaggerTraining,
    read_tags,
    tagged_text,
    train_taggers,
)
from ontogeny.measures.taggers.tag_sets import NO_TAG, split_by_topic
from ontogeny.runs.checkpoints.loading import load_model, load_tokenizer
from ontogeny.runs.pretraining.tokenizers import train_tokenizer

SMALL = TaggerTraining(
    width=10, dropout=0.0, epochs=12, batch_size=4, sequence_length=6, learning_rate=5.0
)


def corpus(sentences=60, seed=0):
    """Words in pairs: one of x and y, then the same letter doubled; tags tell which and where."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(sentences):
        letters = [("x", "y")[draw.integers(2)] for _ in range(draw.integers(2, 5))]
        words = [word for letter in letters for word in (letter, 2 * letter)]
        rows.append(
            {
                "sentence_id": f"s{number}",
                "document_id": f"d{number // 20}",
                "words": words,
                "upos": [f"{word[0]}{len(word)}" for word in words],
                "xpos": ["only"] * len(words),
            }
        )
    frame = pd.DataFrame(rows)
    return frame.assign(**{name: None for name in SCHEMA.names if name not in frame})


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(corpus()["words"], kind="word", objective="causal")


def texts(tokenizer, tag_sets, **settings):
    splits = [corpus(60, 0), corpus(20, 1), corpus(30, 2)]
    return tagged_text(splits, tokenizer, tag_sets, "toy", **settings)


def test_a_text_has_its_words_tags_and_next_words_tags(tokenizer):
    text = texts(tokenizer, ["upos", "topic"])[0]
    assert text.classes == {"upos": ("x1", "x2", "y1", "y2"), "topic": ("d0", "d1", "d2")}
    words = tokenizer.convert_ids_to_tokens(text.tokens.tolist())
    for word, tag, following in zip(words, text.tags["upos"], text.next_tags("upos"), strict=True):
        name = None if tag == NO_TAG else text.classes["upos"][tag]
        assert name == (None if word == "[BOS]" else f"{word[0]}{len(word)}")
        if word in ("x", "y"):
            assert text.classes["upos"][following] == f"{word}2"
    assert text.next_tags("upos")[-1] == NO_TAG
    after = [i for i, word in enumerate(words[:-1]) if words[i + 1] == "[BOS]"]
    assert all(text.next_tags("upos")[i] == NO_TAG for i in after)


def test_input_and_next_taggers_learn_what_can_be_known_and_shuffled_ones_do_not(
    tmp_path, tokenizer
):
    taggers = [
        Tagger("upos", tagging, shuffled, seed)
        for tagging in ("input", "next")
        for shuffled in (False, True)
        for seed in (0, 1)
    ]
    table = train_taggers(*texts(tokenizer, ["upos"]), tokenizer, taggers, SMALL, tmp_path)
    assert table["classes"].eq(4).all()
    assert table["train_tokens"].nunique() == 1
    true = table[~table["shuffled"]].groupby("tagging")["accuracy"].min()
    shuffled = table[table["shuffled"]]["accuracy"].max()
    assert true["input"] > 0.99
    # The first of a pair tells the second; the first itself is a toss of a coin.
    assert 0.6 < true["next"] < 0.9
    assert shuffled < 0.4
    assert table[table["shuffled"]]["perplexity"].min() > 3.5
    for tagger in taggers:
        assert load_model(tmp_path / tagger.name).config.num_hidden_layers == 1
        assert len(load_tokenizer(tmp_path / tagger.name)) == len(tokenizer)


def test_a_tagger_is_the_same_whoever_is_trained_beside_it_and_none_begins_as_another(
    tmp_path, tokenizer
):
    few = TaggerTraining(width=6, epochs=1, batch_size=4, sequence_length=6, learning_rate=1.0)
    one, others = Tagger("upos", "next", False, 0), Tagger("topic", "input", True, 0)
    text = texts(tokenizer, ["upos", "topic"])
    both = train_taggers(*text, tokenizer, [others, one], few, tmp_path / "both")
    alone = train_taggers(*text, tokenizer, [one], few, tmp_path / "alone")
    assert alone["perplexity"].item() == pytest.approx(both["perplexity"][1], rel=1e-5)
    found = [load_model(tmp_path / place / one.name) for place in ("both", "alone")]
    for a, b in zip(*(model.parameters() for model in found), strict=True):
        torch.testing.assert_close(a, b)
    beside = load_model(tmp_path / "both" / others.name)
    correlation = np.corrcoef(
        beside.get_input_embeddings().weight.detach().flatten(),
        found[0].get_input_embeddings().weight.detach().flatten(),
    )[0, 1]
    assert abs(correlation) < 0.5


def test_tags_of_a_table_plug_in_and_what_a_corpus_lacks_is_refused(tmp_path, tokenizer):
    path = tmp_path / "semantic.tsv"
    lines = ["sentence_id\tword\tcoarse\tfine", "s0\t1\tA\tA1", "s0\t2\tB\tB1", "s1\t1\t\tA2"]
    path.write_text("\n".join(lines) + "\n")
    tags = read_tags(path, ["coarse", "fine"])
    text = texts(tokenizer, ["coarse"], tags=tags)[0]
    assert text.classes["coarse"] == ("A", "B")
    assert (text.tags["coarse"] != NO_TAG).sum() == 2
    with pytest.raises(CorpusError, match="has no column 'finest'; it has sentence_id, word"):
        read_tags(path, ["finest"])
    with pytest.raises(CorpusError, match="toy: has no tag set 'finest'; expected one of upos"):
        texts(tokenizer, ["finest"], tags=tags)
    for absent in ("deprel", "entity"):
        with pytest.raises(CorpusError, match=f"toy: tag set {absent} needs the column {absent}"):
            texts(tokenizer, [absent])


def test_documents_are_cut_into_parts_that_all_have_them():
    parts = split_by_topic(corpus(60), 2)
    assert [set(part["document_id"]) for part in parts] == [set(parts[0]["document_id"])] * 3
    assert len(parts[0]["document_id"].unique()) == 2
    assert [len(part) for part in parts] == [28, 4, 8]
    with pytest.raises(CorpusError, match="fewer than two documents"):
        split_by_topic(corpus(15), 2)


def test_the_longest_documents_in_words_are_taken():
    # As many sentences each, of 2, 4 and 3 words; the fourth is longest and has too few sentences.
    lengths = [2] * 10 + [4] * 10 + [3] * 10 + [50] * 9
    frame = pd.DataFrame(
        {
            "document_id": ["abcd"[place // 10] for place in range(len(lengths))],
            "words": [["w"] * length for length in lengths],
        }
    )
    for part in split_by_topic(frame, 2):
        assert list(part["document_id"].unique()) == ["b", "c"]


def test_a_tagger_that_diverges_is_named(tmp_path, tokenizer):
    wild = TaggerTraining(width=6, epochs=2, batch_size=4, sequence_length=6,
                          learning_rate=math.inf)  # fmt: skip
    with pytest.raises(TrainingError, match=r"diverged|no longer a number"):
        train_taggers(
            *texts(tokenizer, ["upos"]), tokenizer, [Tagger("upos", "input", False, 0)], wild,
            tmp_path,
        )  # fmt: skip


def test_a_tokenizer_of_pieces_is_refused(tokenizer):
    pieces = train_tokenizer(corpus()["words"], kind="bpe", objective="causal", vocabulary_size=260)
    with pytest.raises(CorpusError, match="taggers need one for each"):
        texts(pieces, ["upos"])


def test_tags_of_a_tagged_text_are_aligned():
    text = TaggedText(np.arange(3), {"upos": np.array([0, 1, 0])}, {"upos": ("a", "b")})
    assert text.next_tags("upos").tolist() == [1, 0, NO_TAG]
