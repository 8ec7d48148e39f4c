"""A checkpoint that is sampled leaves sentences, whatever stops it on the way."""

import pandas as pd
import pytest
from small_sampler import SCHEME, WORDS, save_sampler, sentences

from ontogeny.corpora.corpus import read_split, write_split
from ontogeny.corpora.hamiltonian import draw_hamiltonian
from ontogeny.errors import CorpusError
from ontogeny.measures.interactions import cloned_sentences
from ontogeny.results.tables import check
from ontogeny.studies.clones.hamiltonian import symbols_of
from ontogeny.studies.clones.losses import read_clones
from ontogeny.studies.clones.rows import as_rows
from ontogeny.studies.clones.samples import sample
from ontogeny.studies.clones.tables import CLONES

SETTINGS = {"shown": 2, **SCHEME}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_sampler(tmp_path_factory.mktemp("checkpoint"))


def sampled(checkpoint, folder, given=None):
    given = sentences() if given is None else given
    clones = {sweeps: folder / f"sweeps-{sweeps}.parquet" for sweeps in (1, 3)}
    working = folder / "unfinished"
    return clones, working, sample(checkpoint, given, SETTINGS, 0, clones, working, "test.parquet")


def test_clones_are_splits_of_the_same_sentences_in_the_samplers_words(checkpoint, tmp_path):
    original = sentences()
    clones, working, (rows, shown) = sampled(checkpoint, tmp_path)
    for file in clones.values():
        clone = read_split(file)
        assert list(clone["sentence_id"]) == list(original["sentence_id"])
        assert list(clone["words"].map(len)) == list(original["words"].map(len))
        assert {word for words in clone["words"] for word in words} <= {*WORDS, "unheard-of"}
    assert not working.exists()
    table = as_rows(rows, run="two", corpus="text", seed=0, step=5)
    check(table, CLONES)
    assert set(table["order"]) == {3}
    assert sorted(table["sweeps"].unique()) == [0, 1, 2, 3]
    assert list(shown["before"].unique()) == [" ".join(w) for w in original["words"][:2]]
    texts = read_clones({("two", 3): clones[3]}, original)
    assert [list(words) for words in texts["two", 3]] == list(map(list, clone["words"]))


@pytest.mark.parametrize("at", [2, 3])
def test_a_job_that_is_killed_goes_on_though_its_files_are_removed(
    checkpoint, tmp_path, monkeypatch, at
):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    expected, _, tables = sampled(checkpoint, whole)

    class Killed(BaseException):
        pass

    def kill(progress):
        if progress.sweeps == at:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(cloned_sentences, "_say", kill)
        with pytest.raises(Killed):
            sampled(checkpoint, stopped)
    for file in stopped.glob("*.parquet"):
        file.unlink()
    clones, _, again = sampled(checkpoint, stopped)
    for sweeps, file in clones.items():
        assert file.read_bytes() == expected[sweeps].read_bytes()
    for found, table in zip(again, tables, strict=True):
        pd.testing.assert_frame_equal(found, table)


def test_what_a_job_left_of_other_weights_isnt_gone_on_from(
    checkpoint, tmp_path, monkeypatch, tmp_path_factory
):
    retrained = save_sampler(tmp_path_factory.mktemp("retrained"), seed=1)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    expected, _, _ = sampled(retrained, whole)

    def kill(progress):
        if progress.sweeps == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(cloned_sentences, "_say", kill)
        with pytest.raises(KeyboardInterrupt):
            sampled(checkpoint, stopped)
    assert list((stopped / "unfinished").glob("*.safetensors"))
    clones, _, _ = sampled(retrained, stopped)
    for sweeps, file in clones.items():
        assert list(read_split(file)["words"]) == list(read_split(expected[sweeps])["words"])


def test_a_clone_of_other_sentences_is_refused(tmp_path):
    write_split(sentences().iloc[1:], tmp_path / "clone.parquet")
    with pytest.raises(CorpusError, match="is a clone of other sentences"):
        read_clones({("two", 3): tmp_path / "clone.parquet"}, sentences())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["0", "1"], ["1"]], "no sequences of symbols of one length"),
        ([["0", "dog", "1"]], "no sequences of symbols of one length"),
        ([["0", "1"]], "aren't those of the corpus's Hamiltonian"),
        ([["0", "1", "4"]], "aren't those of the corpus's Hamiltonian"),
    ],
)
def test_sequences_of_another_hamiltonian_are_refused(rows, message):
    hamiltonian = draw_hamiltonian(3, 4, [{"order": 2, "count": 1, "strength": 0.5}], 0)
    with pytest.raises(CorpusError, match=message):
        symbols_of(pd.DataFrame({"words": rows}), hamiltonian, "train.parquet")
