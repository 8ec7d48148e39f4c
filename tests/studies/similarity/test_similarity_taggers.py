"""The taggers of a corpus: what they learn, how well, and what they make of other words."""

import pandas as pd
import pytest
import torch

from ontogeny.corpora.grammar import generate
from ontogeny.errors import CorpusError
from ontogeny.measures.taggers import TaggerTraining
from ontogeny.results.tables import check
from ontogeny.runs.checkpoints.loading import load_model, load_tokenizer
from ontogeny.studies.similarity.tables import TAGGERS
from ontogeny.studies.similarity.taggers import semantic_tags, states, taggers_of, train

TRAINING = TaggerTraining(width=10, epochs=10, batch_size=5)
SETTINGS = {"documents": 6, "lowercase": True, "least_count": 1, "seed": 0}


@pytest.fixture(scope="module")
def corpus():
    splits = generate({"train": 160, "dev": 5, "test": 30})
    return {split: pd.DataFrame(rows) for split, rows in splits.items()}


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    """The folder of taggers of upos and topic, and their table."""
    folder = tmp_path_factory.mktemp("taggers")
    arguments = {"source": "toyglish", "training": TRAINING, "folder": folder, **SETTINGS}
    return folder, train(corpus["train"], ["upos", "topic"], **arguments)


def test_there_are_four_taggers_of_each_tag_set():
    found = taggers_of(["upos", "topic"], 3)
    assert len({tagger.name for tagger in found}) == 8
    assert {(t.tagging, t.shuffled) for t in found if t.tag_set == "topic"} == {
        (tagging, shuffled) for tagging in ("next", "input") for shuffled in (False, True)
    }


def test_the_table_says_how_well_they_do(corpus, trained):
    table = trained[1]
    check(table.assign(domain="toyglish"), TAGGERS)
    found = table.pivot_table(
        index=["tagset", "tagging", "shuffled"], columns="metric", values="value"
    )
    own, shuffled = found.loc["upos", "input", 0], found.loc["upos", "input", 1]
    assert own["accuracy"] > own["majority_accuracy"] + 0.2
    assert shuffled["accuracy"] < shuffled["majority_accuracy"] + 0.05
    assert found.loc["topic", "input", 0]["classes"] == 6
    assert set(found["documents"]) == {6}


def test_words_are_counted_by_hand(corpus, trained):
    words = corpus["train"]["words"].map(len)
    longest = words.groupby(corpus["train"]["document_id"]).sum().nlargest(6).index
    # Of twenty sentences of a document the first fourteen are trained on.
    counted = sum(words[corpus["train"]["document_id"] == name].iloc[:14].sum() for name in longest)
    table = trained[1]
    found = table[(table["metric"] == "train_words") & (table["tagset"] == "upos")]
    # After the mark at which a sentence begins its first word's tag is the next: as many.
    assert set(found["value"]) == {counted}


def test_states_are_those_of_each_tagger_alone(corpus, trained):
    folder = trained[0]
    members = taggers_of(["upos", "topic"], 0)
    vectors, valid = states(folder, members, corpus["test"])
    words = corpus["test"]["words"].map(len).sum()
    assert vectors.shape == (2, 8, words, 10)
    assert valid.all()
    place = folder / members[5].name
    model, tokenizer = load_model(place), load_tokenizer(place)
    sentence = list(corpus["test"]["words"].iloc[0])
    tokens = tokenizer([sentence], is_split_into_words=True, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(tokens["input_ids"], output_hidden_states=True).hidden_states
    for layer in (0, 1):
        own = hidden[layer][0, -len(sentence) :]
        torch.testing.assert_close(vectors[layer, 5, : len(sentence)], own, atol=1e-5, rtol=1e-4)


def test_semantic_tags_come_from_named_columns(tmp_path):
    file = tmp_path / "tags.tsv"
    file.write_text("sentence_id\tword\tsem\tclass\na\t1\tCON\tENT\na\t2\tEXS\tEVE\n")
    settings = {"file": str(file), "coarse": "class", "fine": "sem"}
    found = semantic_tags(["upos", "semantic_fine", "semantic_coarse"], settings)
    assert list(found.columns) == ["semantic_coarse", "semantic_fine"]
    assert found.loc[("a", 2)].tolist() == ["EVE", "EXS"]
    assert semantic_tags(["upos"], settings) is None


def test_a_corpus_without_long_documents_is_refused(corpus, tmp_path):
    short = corpus["train"].groupby("document_id").head(9)
    arguments = {"source": "x", "training": TRAINING, "folder": tmp_path, **SETTINGS}
    with pytest.raises(CorpusError, match="fewer than two documents of at least ten sentences"):
        train(short, ["topic"], **arguments)


def test_a_tag_set_that_the_corpus_lacks_is_refused_by_name(corpus, tmp_path):
    bare = corpus["train"].assign(entity=None)
    arguments = {"source": "x", "training": TRAINING, "folder": tmp_path, **SETTINGS}
    with pytest.raises(CorpusError, match="tag set entity needs the column entity"):
        train(bare, ["entity"], **arguments)
