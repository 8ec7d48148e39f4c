"""A clone is a corpus like any other, whatever stops its sampling on the way."""

import logging

import pandas as pd
import pytest
from small_sampler import SCHEME, WORDS, save_sampler, sentences

from ontogeny.corpora.build import build
from ontogeny.corpora.corpus import ANNOTATIONS, SPLITS, read_split, write_split
from ontogeny.errors import ConfigError
from ontogeny.measures.interactions import clone_corpus, cloned_sentences
from ontogeny.measures.interactions.clone_corpus import write_clone

SETTINGS = {
    "kind": "clone", "corpus": "text", "sampler": "factored", "seed": 0, "sweeps": 3,
    "sentences": {"train": 20, "dev": 5, "test": 6}, "shortest": 2, "longest": 6, **SCHEME,
}  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_sampler(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    files = {split: folder / f"{split}.parquet" for split in SPLITS}
    for split, file in files.items():
        frame = sentences(count=25, split=split)
        write_split(frame.assign(upos=[["NOUN"] * len(words) for words in frame["words"]]), file)
    return files


@pytest.fixture
def clone(checkpoint, originals):
    def write(folder, weights=None, **changes):
        write_clone(
            "clone", SETTINGS | changes, weights or checkpoint, originals, folder=folder,
            working=folder / ".unfinished",
        )  # fmt: skip
        return folder

    return write


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def statistics(folder):
    table = pd.read_csv(folder / "statistics.tsv", sep="\t", index_col=["split", "metric"])
    return table["value"]


def test_a_clone_has_sentences_of_each_split_in_the_samplers_words(clone, originals, tmp_path):
    folder = clone(tmp_path / "clone")
    assert sorted(contents(folder)) == [
        "dev.parquet", "statistics.tsv", "test.parquet", "train.parquet",
    ]  # fmt: skip
    numbers = statistics(folder)
    for split, count in SETTINGS["sentences"].items():
        found = read_split(folder / f"{split}.parquet")
        whole = read_split(originals[split])
        before = whole[whole["sentence_id"].isin(found["sentence_id"])].reset_index(drop=True)
        assert len(found) == numbers[split, "sentences"] == count
        # Names, documents, order and lengths are the original's.
        for column in ("sentence_id", "document_id"):
            assert list(found[column]) == list(before[column])
        assert list(found["words"].map(len)) == list(before["words"].map(len))
        assert found[list(ANNOTATIONS)].isna().all(axis=None)
        assert {word for words in found["words"] for word in words} <= {*WORDS, "unheard-of"}
        pairs = [
            (old, new)
            for words in zip(before["words"], found["words"], strict=True)
            for old, new in zip(*words, strict=True)
        ]
        stayed = sum(old == new for old, new in pairs) / len(pairs)
        assert 0 < stayed < 1
        assert numbers[split, "overlap"] == pytest.approx(stayed, abs=5e-5)


def test_same_settings_give_the_same_bytes_and_another_seed_gives_others(clone, tmp_path):
    first, again = contents(clone(tmp_path / "a")), contents(clone(tmp_path / "b"))
    assert first == again
    assert contents(clone(tmp_path / "c", seed=1)) != first


def test_a_split_that_has_too_few_sentences_gives_what_it_has(clone, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "ontogeny"):
        folder = clone(tmp_path, sentences={"train": 30, "dev": 5, "test": 6})
    assert "clone: train: 25 sentences, not 30: no more have 2 to 6 words" in caplog.text
    assert len(read_split(folder / "train.parquet")) == 25


def test_blocks_of_sentences_move_by_random_numbers_of_their_own(checkpoint, tmp_path, monkeypatch):
    """Blocks of one and the same sentence become different ones."""
    monkeypatch.setattr(clone_corpus, "AT_ONCE", 5)
    same = sentences(count=20).assign(words=[["the", "dog", "sees", "a", "cat"]] * 20)
    write_split(same, tmp_path / "same.parquet")
    write_clone(
        "clone", SETTINGS | {"sentences": dict.fromkeys(SPLITS, 10)}, checkpoint,
        dict.fromkeys(SPLITS, tmp_path / "same.parquet"), folder=tmp_path / "clone",
        working=tmp_path / "unfinished",
    )  # fmt: skip
    words = [list(read_split(tmp_path / f"clone/{split}.parquet")["words"]) for split in SPLITS]
    blocks = {str(texts[start : start + 5]) for texts in words for start in (0, 5)}
    assert len(blocks) == 6


# Four blocks report four times each, from sweep 0 on; one that is gone on with, where it is.
@pytest.mark.parametrize(("at", "left"), [(2, 15), (7, 11), (12, 7)])
def test_a_job_that_is_killed_goes_on_where_it_was(clone, tmp_path, monkeypatch, at, left):
    """Within the first block, within the second, and at the end of another split's."""
    monkeypatch.setattr(clone_corpus, "AT_ONCE", 12)
    expected = contents(clone(tmp_path / "whole"))
    said = []

    class Killed(BaseException):
        pass

    def kill(progress):
        said.append(progress.sweeps)
        if len(said) == at:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(cloned_sentences, "_say", kill)
        with pytest.raises(Killed):
            clone(tmp_path / "stopped")
    assert not list((tmp_path / "stopped").glob("*.parquet"))
    said.clear()
    monkeypatch.setattr(cloned_sentences, "_say", lambda progress: said.append(progress.sweeps))
    assert contents(clone(tmp_path / "stopped")) == expected
    assert len(said) == left


@pytest.mark.parametrize("other", ["settings", "weights"])
def test_what_was_left_of_another_clone_is_not_gone_on_with(clone, tmp_path, monkeypatch, other):
    changes = {"temperature": 2.0} if other == "settings" else {}
    weights = save_sampler(tmp_path / "other", seed=1) if other == "weights" else None

    class Killed(BaseException):
        pass

    def kill(progress):
        if progress.sweeps == 2:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(cloned_sentences, "_say", kill)
        with pytest.raises(Killed):
            clone(tmp_path / "stopped")
    changed = contents(clone(tmp_path / "stopped", weights, **changes))
    assert changed == contents(clone(tmp_path / "whole", weights, **changes))


def test_the_library_says_who_writes_a_clone():
    with pytest.raises(ConfigError, match=r"corpora: clone: .*sampled from a run.*write_clone"):
        build("clone", SETTINGS)
