"""Cases of bad input in sources and corpora; tests/test_bad_input.py holds them to the table."""

from bad_input import case

from ontogeny.corpora.build import write_corpus
from ontogeny.corpora.conllu import read_conllu
from ontogeny.corpora.corpus import read_split
from ontogeny.corpora.sources import SourceFile, fetch
from ontogeny.corpora.tasks import check_tasks
from ontogeny.errors import CorpusError, SourceError


def word(identifier, form, head, relation="dep"):
    return f"{identifier}\t{form}\t_\tNOUN\t_\t_\t{head}\t{relation}\t_\t_\n"


SENTENCE = "# sent_id = s1\n" + word(1, "cats", 2) + word(2, "sleep", 0, "root") + "\n"


def treebank(folder, **files):
    """Write a treebank; splits that are not given have one good sentence."""
    settings = {"kind": "conllu"}
    for split in ("train", "dev", "test"):
        path = folder / f"{split}.conllu"
        path.write_text(files.get(split, SENTENCE))
        settings[split] = str(path)
    return settings


@case("task the corpus cannot serve: told from its files", CorpusError,
      "FOLDER/corpus/train.parquet: task xpos needs the column xpos, which this corpus does not",
      "have (it has upos, head, deprel). Leave the task out of the study, or")  # fmt: skip
def _(folder, whole):
    write_corpus("mine", treebank(folder), None, folder / "corpus")
    path = folder / "corpus" / "train.parquet"
    check_tasks(read_split(path), ["upos", "xpos"], path)


@case("hash mismatch: a source file", SourceError,
      "FOLDER/mirror/ud/a.conllu: its SHA-256 is ba7816bf", "(3 bytes), pinned is 0000",
      "Replace the file in the mirror, or delete it there to have it downloaded from https://",
      )  # fmt: skip
def _(folder, whole):
    (folder / "mirror" / "ud").mkdir(parents=True)
    (folder / "mirror" / "ud" / "a.conllu").write_text("abc")
    pinned = SourceFile("ud", "ud/a.conllu", "https://example.org/a", "0" * 64, 3, "CC0")
    fetch("ud", [pinned], folder / "out", mirror=folder / "mirror")


def malformed(name, content, *parts):
    @case(f"malformed CoNLL-U: {name}", CorpusError, *parts)
    def _(folder, whole):
        write_corpus("mine", treebank(folder, test=content), None, folder / "out")


malformed(
    "cycle",
    SENTENCE + word(1, "a", 2) + word(2, "b", 1) + word(3, "c", 0) + "\n",
    "FOLDER/test.conllu, line 6: following the heads from word 2 leads back to it, a cycle; "
    "expected a tree.",
)
malformed(
    "column count",
    SENTENCE + "1\tcats\tNOUN\n\n",
    "FOLDER/test.conllu, line 5: 3 columns; CoNLL-U has 10, separated by tabs.",
)
malformed(
    "head out of range",
    SENTENCE + word(1, "a", 0) + word(2, "b", 3) + "\n",
    "FOLDER/test.conllu, line 6: head '3'; expected a word of the sentence, 0 (the root) to 2.",
)
malformed("empty file", "", "FOLDER/test.conllu: no sentences; expected CoNLL-U with at least one.")


@case("malformed CoNLL-U: not UTF-8", CorpusError,
      "FOLDER/test.conllu, line 2: the byte 0xe9 is not UTF-8. Convert the file")  # fmt: skip
def _(folder, whole):
    settings = treebank(folder)
    (folder / "test.conllu").write_bytes(SENTENCE.replace("cats", "café").encode("latin-1"))
    write_corpus("mine", settings, None, folder / "out")


@case("malformed CoNLL-U: no such file", CorpusError,
      "FOLDER/dev.conllu: can't be read (No such file or directory). Check the path in the config.",
      )  # fmt: skip
def _(folder, whole):
    settings = treebank(folder)
    (folder / "dev.conllu").unlink()
    write_corpus("mine", settings, None, folder / "out")


@case("trees whose words do not match", None,
      "1 of 2 sentences have no constituents, since no tree in FOLDER/a.ptb has their words: s2",
      )  # fmt: skip
def _(folder, whole):
    (folder / "a.conllu").write_text(SENTENCE + SENTENCE.replace("s1", "s2").replace("cats", "we"))
    (folder / "a.ptb").write_text("(S (NP (N cats)) (V sleep))\n(S (NP (N dogs)) (V sleep))\n")
    first, second = read_conllu([folder / "a.conllu"], constituents=[folder / "a.ptb"])
    assert (first["phrase_start"], first["phrase_end"]) == ([1, 0], [1, 0])
    assert second["phrase_start"] is second["phrase_end"] is None
    assert second["head"] == [2, 0]


@case("trees whose words do not match: none of them", CorpusError,
      "FOLDER/a.ptb: none of 1 trees has the words of a sentence of FOLDER/a.conllu; expected",
      "Correct `constituents` in the config, or leave it out.")  # fmt: skip
def _(folder, whole):
    (folder / "a.conllu").write_text(SENTENCE)
    (folder / "a.ptb").write_text("(S (NP (N dogs)) (V sleep))\n")
    read_conllu([folder / "a.conllu"], constituents=[folder / "a.ptb"])
