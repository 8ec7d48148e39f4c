"""The text of taggers: whole documents, cut by turns, with the tags of words."""

import numpy as np
import pandas as pd
import pytest

from ontogeny.corpora.grammar import generate
from ontogeny.errors import CorpusError
from ontogeny.studies.similarity.tagsets import read_semantic, word_tags
from ontogeny.studies.similarity.text import (
    NO_TAG,
    cut,
    following,
    longest_documents,
    tagged_text,
)


@pytest.fixture(scope="module")
def sentences():
    return pd.DataFrame(generate({"train": 130, "dev": 1, "test": 1})["train"])


def test_the_longest_documents_are_chosen_and_kept_whole_in_their_order(sentences):
    words = sentences["words"].map(len).groupby(sentences["document_id"]).sum()
    # The seventh has but ten sentences.
    expected = words.sort_values(ascending=False).index[:3]
    chosen = longest_documents(sentences, 3)
    assert set(chosen["document_id"]) == set(expected)
    whole = sentences[sentences["document_id"].isin(expected)]
    assert chosen["sentence_id"].tolist() == whole["sentence_id"].tolist()


def test_documents_that_are_too_short_are_refused(sentences):
    short = sentences.groupby("document_id").head(9)
    with pytest.raises(CorpusError, match="0 of 7 documents have ten sentences"):
        longest_documents(short, 3)


def test_each_document_is_cut_seven_one_two(sentences):
    parts = cut(longest_documents(sentences, 3))
    for split, count in (("train", 14), ("dev", 2), ("test", 4)):
        assert parts[split]["document_id"].value_counts().tolist() == [count] * 3
    together = pd.concat(parts.values())["sentence_id"]
    assert together.is_unique
    assert len(together) == 60


def test_every_tagger_learns_its_own_tags(sentences):
    chosen = longest_documents(sentences, 3)
    text = tagged_text(chosen, ["upos", "topic"], seed=0)
    assert [member.tagset for member in text.members] == ["upos"] * 4 + ["topic"] * 4
    assert text.classes[4:] == (3,) * 4
    for split, part in text.parts.items():
        words = part["words"].map(len)
        ends = np.cumsum(words) - 1
        for place, member in enumerate(text.members):
            tags = text.tags[split][place]
            assert len(tags) == words.sum()
            assert (tags == NO_TAG).sum() == (len(part) if member.tagging == "next" else 0)
            if member.tagging == "next":
                assert (tags[ends] == NO_TAG).all()
                own = text.tags[split][place + 1]
                assert (
                    np.delete(tags, ends) == own[np.delete(np.arange(len(own)), ends) + 1]
                ).all()
        # The next word's topic is this one's.
        true = text.tags[split][4]
        assert (true[true != NO_TAG] == text.tags[split][5][true != NO_TAG]).all()


def test_shuffled_tags_are_the_same_tags_in_another_order(sentences):
    text = tagged_text(longest_documents(sentences, 3), ["upos"], seed=0)
    true, shuffled = text.tags["train"][1], text.tags["train"][3]
    assert (np.sort(true) == np.sort(shuffled)).all()
    chance = (np.bincount(true) / len(true)) @ (np.bincount(true) / len(true))
    assert (true == shuffled).mean() == pytest.approx(chance, abs=0.08)


def test_the_tag_that_follows_is_the_next_words():
    tags, last = np.array([3, 1, 2, 5]), np.array([False, True, False, True])
    assert following(tags, last).tolist() == [1, NO_TAG, 5, NO_TAG]


def semantic_file(folder, text):
    (folder / "tags.tsv").write_text(text)
    return {"file": str(folder / "tags.tsv"), "words": "token", "coarse": "class", "fine": "sem"}


TWO = pd.DataFrame(
    {"sentence_id": ["a", "b"], "document_id": ["d", "d"], "words": [["cats", "sleep"], ["no"]]}
)
GOOD = "token\tsem\tclass\nno\tNOT\tLOG\n\ncats\tCON\tENT\nsleep\tEXS\tEVE\n"


def test_semantic_tags_are_found_by_the_words_of_a_sentence(tmp_path):
    tags = read_semantic(semantic_file(tmp_path, GOOD), TWO)
    assert word_tags(TWO, "semantic_fine", tags).tolist() == ["CON", "EXS", "NOT"]
    assert word_tags(TWO, "semantic_coarse", tags).tolist() == ["ENT", "EVE", "LOG"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("class", "kind"), r"tags.tsv: has no column 'class' \(its first line names"),
        (GOOD.replace("\nsleep\tEXS\tEVE", "\nsleep\tEXS"), "tags.tsv, line 5: has 2 fields"),
        (GOOD.replace("cats", "dogs"), "has no tags for sentence a .cats sleep"),
        ("", "has no column 'token'"),
    ],
)
def test_files_of_tags_that_are_wrong_are_refused(tmp_path, text, message):
    with pytest.raises(CorpusError, match=message):
        read_semantic(semantic_file(tmp_path, text), TWO)
