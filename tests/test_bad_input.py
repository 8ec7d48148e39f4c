"""Bad input, case by case: what the message says, and that nothing half-written stays behind.

The first part of a case's name is the entry of the design's list that it belongs to.
"""

import copy
import errno
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from safetensors import SafetensorError

from ontogeny.configuration import validate
from ontogeny.corpora.build import write_corpus
from ontogeny.corpora.conllu import read_conllu
from ontogeny.corpora.corpus import read_split, write_split
from ontogeny.corpora.tasks import check_tasks
from ontogeny.errors import CheckpointError, ConfigError, CorpusError, SourceError, TrainingError
from ontogeny.features import extract
from ontogeny.files import atomic_path
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.checkpoints import load_model, load_tokenizer
from ontogeny.runs.launching import pretrain
from ontogeny.runs.local import link_trajectory
from ontogeny.runs.manifest import check_trajectory, describe, write_manifest
from ontogeny.runs.recipes import read_recipe
from ontogeny.runs.tokenizers import train_tokenizer
from ontogeny.sources import SourceFile, fetch

DESIGN_LIST = (
    "unknown key",
    "misspelt study",
    "task the corpus cannot serve",
    "step that a run does not have",
    "missing checkpoint",
    "truncated checkpoint",
    "hash mismatch",
    "malformed CoNLL-U",
    "sentence longer than the model",
    "trees whose words do not match",
    "tokenizer that drops a word",
    "NaN in training",
    "disk full",
)

LONGEST = 8  # tokens that the tiny model reads, special tokens included
ODD = "\u200b"  # a zero-width space alone, which BERT's normalisation takes out

CONFIG = {
    "tier": "toy",
    "corpora": {
        "toyglish": {"kind": "grammar", "sentences": {"train": 9, "dev": 9, "test": 9}},
        "plain": {"kind": "conllu", "train": "a", "dev": "b", "test": "c"},
    },
    "runs": {
        "tiny": {
            "kind": "pretrain",
            "architecture": "bert",
            "corpus": "toyglish",
            "seeds": [0],
            "steps": {"spacing": "log", "last": 100, "count": 3},
        },
    },
    "studies": {"pushdown": {"runs": ["tiny"], "corpora": {"toyglish": "all"}}},
}


@dataclass(frozen=True)
class Case:
    """What is wrong, how to bring it about, and what is said of it.

    `provoke(folder, whole)` makes its input in `folder` and may write into `folder/out` alone;
    `whole` is a trajectory without fault. `error` None: it is no error, but is logged.
    """

    name: str
    error: type[Exception] | None
    parts: tuple[str, ...]
    provoke: Callable[[Path, Path], None]


CASES: list[Case] = []


def case(name, error, *parts):
    """Enter the decorated function into the table; FOLDER in a part is the folder of the test."""

    def enter(provoke):
        CASES.append(Case(name, error, parts, provoke))
        return provoke

    return enter


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A trajectory of a tiny model, with checkpoints at steps 0 and 10."""
    folder = tmp_path_factory.mktemp("whole")
    tokenizer = train_tokenizer(
        [["cats", "sleep", "here", "."]],
        kind="wordpiece",
        objective="masked",
        vocabulary_size=40,
        longest=LONGEST,
    )
    config = configure("bert", len(tokenizer), layers=1, heads=1, width=8, positions=LONGEST)
    for step in (0, 10):
        initialise(config, step).save_pretrained(folder / f"step-{step}")
        tokenizer.save_pretrained(folder / f"step-{step}")
    write_manifest(
        [describe(folder / f"step-{step}", step, "pretrain", "abc") for step in (0, 10)], folder
    )
    return folder


def changed(**changes):
    """Return the configuration with keys changed or added, written as `runs__tiny__seeds=[1]`."""
    config = copy.deepcopy(CONFIG)
    for path, value in changes.items():
        *parents, last = path.split("__")
        entry = config
        for key in parents:
            entry = entry[key]
        entry[last] = value
    return config


def validated(config):
    validate(config, "mine.yaml", {"ud-ewt"})


@case("unknown key", ConfigError, "mine.yaml: runs.tiny: unknown key 'bach_size'; did you mean",
      "'batch_size'?")  # fmt: skip
def _(folder, whole):
    validated(changed(runs__tiny__bach_size=8))


@case("unknown key: of a corpus that the library is given", ConfigError,
      "corpora: mine: trian: unknown for kind text; expected source, train,")  # fmt: skip
def _(folder, whole):
    write_corpus("mine", {"kind": "text", "trian": "a.txt"}, None, folder / "out")


@case("unknown key: one that YAML does not read as text", ConfigError,
      "mine.yaml: runs: the key 2024 is not text; put it in quotation marks",
      "mine.yaml: runs.2024: the key None is not text")  # fmt: skip
def _(folder, whole):
    config = copy.deepcopy(CONFIG)
    config["runs"][2024] = {**config["runs"]["tiny"], None: 1}
    validated(config)


@case("unknown key: no keys at all", ConfigError, "mine.yaml: holds None; expected the keys tier,")
def _(folder, whole):
    validated(None)


@case("misspelt study", ConfigError, "mine.yaml: studies: unknown key 'pushdwn'; did you mean",
      "'pushdown'?")  # fmt: skip
def _(folder, whole):
    validated(changed(studies__pushdwn={}))


@case("task the corpus cannot serve: told from the configuration", ConfigError,
      "mine.yaml: studies.pushdown.corpora.plain: task phrase_start needs the annotation",
      "phrase_start, which this corpus does not have (it has upos, xpos, head, deprel).",
      "Leave the task out, or give the corpus that annotation.")  # fmt: skip
def _(folder, whole):
    validated(changed(studies__pushdown__corpora={"plain": ["upos", "phrase_start"]}))


@case("task the corpus cannot serve: told from its files", CorpusError,
      "FOLDER/corpus/train.parquet: task xpos needs the column xpos, which this corpus does not",
      "have (it has upos, head, deprel). Leave the task out of the study, or")  # fmt: skip
def _(folder, whole):
    write_corpus("mine", treebank(folder), None, folder / "corpus")
    path = folder / "corpus" / "train.parquet"
    check_tasks(read_split(path), ["upos", "xpos"], path)


@case("step that a run does not have: in a study", ConfigError,
      "mine.yaml: studies.pushdown.steps: run 'tiny' has no checkpoint at step 3, 7; it has 0,",
      "100.")  # fmt: skip
def _(folder, whole):
    validated(changed(studies__pushdown__steps=[7, 100, 3]))


@case("step that a run does not have: on the disk", ConfigError,
      "mine", "no step 5; it has 0, 10.")  # fmt: skip
def _(folder, whole):
    link(whole, folder, [0, 5])


@case("step that a run does not have: in a manifest", CheckpointError,
      "FOLDER/run/manifest.tsv: has no step 5; it has 0, 10.")  # fmt: skip
def _(folder, whole):
    check_trajectory(copied(whole, folder), [5])


def copied(whole, folder):
    return Path(shutil.copytree(whole, folder / "run"))


def link(trajectory, folder, steps):
    pattern = f"{trajectory}/step-{{step}}"
    link_trajectory(pattern, folder / "out", run="mine", seed=0, steps=steps)


@case("missing checkpoint: its folder", CheckpointError,
      "step 10: FOLDER/run/step-10/config.json: there is no such folder; expected a Hugging Face",
      "Delete FOLDER/run/step-10 and FOLDER/run/manifest.tsv and run the workflow again.",
      )  # fmt: skip
def _(folder, whole):
    shutil.rmtree(copied(whole, folder) / "step-10")
    check_trajectory(folder / "run")


@case("missing checkpoint: its weights", CheckpointError,
      "step 10: FOLDER/run/step-10: has no weights; expected model.safetensors, or")  # fmt: skip
def _(folder, whole):
    (copied(whole, folder) / "step-10" / "model.safetensors").unlink()
    link(folder / "run", folder, [0, 10])


@case("missing checkpoint: its tokenizer", CheckpointError,
      "step 10: FOLDER/run/step-10: has no tokenizer; expected one of tokenizer.json,",
      "name a folder that has it (`tokenizer:` of the run).")  # fmt: skip
def _(folder, whole):
    (copied(whole, folder) / "step-10" / "tokenizer.json").unlink()
    link(folder / "run", folder, [0, 10])


@case("truncated checkpoint: its weights", CheckpointError,
      "step 10: FOLDER/run/step-10/model.safetensors: ", " bytes, but its header tells of ",
      "it is truncated or was not fully copied. Copy or train it again.")  # fmt: skip
def _(folder, whole):
    cut(copied(whole, folder) / "step-10" / "model.safetensors", 9)
    link(folder / "run", folder, [0, 10])


@case("truncated checkpoint: its config", CheckpointError,
      "step 10: FOLDER/run/step-10/config.json: not readable as JSON")  # fmt: skip
def _(folder, whole):
    cut(copied(whole, folder) / "step-10" / "config.json", 9)
    link(folder / "run", folder, [0, 10])


@case("truncated checkpoint: its tokenizer", CheckpointError,
      "FOLDER/run/step-10: its tokenizer can't be loaded (")  # fmt: skip
def _(folder, whole):
    cut(copied(whole, folder) / "step-10" / "tokenizer.json", 9)
    load_tokenizer(folder / "run" / "step-10")


def cut(path, count):
    path.write_bytes(path.read_bytes()[:-count])


@case("hash mismatch: a source file", SourceError,
      "FOLDER/mirror/ud/a.conllu: its SHA-256 is ba7816bf", "(3 bytes), pinned is 0000",
      "Replace the file in the mirror, or delete it there to have it downloaded from https://",
      )  # fmt: skip
def _(folder, whole):
    (folder / "mirror" / "ud").mkdir(parents=True)
    (folder / "mirror" / "ud" / "a.conllu").write_text("abc")
    pinned = SourceFile("ud", "ud/a.conllu", "https://example.org/a", "0" * 64, 3, "CC0")
    fetch("ud", [pinned], folder / "out", mirror=folder / "mirror")


@case("hash mismatch: weights that changed since the manifest", CheckpointError,
      "step 10: FOLDER/run/step-10: the weights have SHA-256 ", "; the manifest tells of ",
      "They changed since. Delete FOLDER/run/step-10 and")  # fmt: skip
def _(folder, whole):
    weights = copied(whole, folder) / "step-10" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    check_trajectory(folder / "run", [10])


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


def features_of(whole, *sentences):
    path = whole / "step-10"
    return extract(
        load_model(path, device="cpu"),
        load_tokenizer(path),
        pd.DataFrame({"words": list(sentences)}),
        device="cpu",
    )


@case("sentence longer than the model", None, "features: 13 words in 2 layers; 0 words dropped",
      "5 past the model's length")  # fmt: skip
def _(folder, whole):
    # Two of the eight tokens are special.
    features = features_of(whole, ["cats", "sleep"], ["cats"] * 11)
    assert features.valid.tolist() == [True] * 8 + [False] * 5
    assert features.truncated == 5
    assert not features.vectors[:, ~features.valid].any()
    assert features.vectors[:, features.valid].any(-1).all()


@case("tokenizer that drops a word", None, "1 words dropped by the tokenizer, 0 past")
def _(folder, whole):
    features = features_of(whole, ["cats", ODD, "sleep"], ["."])
    assert features.valid.tolist() == [True, False, True, True]
    assert features.dropped == 1
    assert not features.vectors[:, 1].any()


@case("tokenizer that drops a word: all of them", CheckpointError,
      "its tokenizer gives no piece for any of the 2 words; expected the tokenizer that the model",
      )  # fmt: skip
def _(folder, whole):
    load = load_tokenizer(whole / "step-10")
    load.backend_tokenizer.post_processor = None
    extract(
        load_model(whole / "step-10", device="cpu"), load, pd.DataFrame({"words": [[ODD], [ODD]]})
    )


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


@case("NaN in training", TrainingError, "run mine, seed 3: the training loss is ", " at step ",
      "Try a lower learning_rate (now 1e+30), a longer warmup (now 0.1)")  # fmt: skip
def _(folder, whole):
    text = [{"sentence_id": str(i), "document_id": "d", "words": ["a", "b"]} for i in range(8)]
    write_split(text, folder / "train.parquet")
    settings = {"layers": 1, "heads": 1, "width": 8, "batch_size": 4, "max_gradient_norm": 0.0}
    recipe = read_recipe(
        {**settings, "architecture": "gpt", "steps": [20], "learning_rate": 1e30}, "mine"
    )
    pretrain(
        recipe,
        run="mine",
        seed=3,
        train=[folder / "train.parquet"],
        folder=folder / "out",
        working=folder / "unfinished",
        devices=1,
    )


# What a write to a full disk raises: Python and pyarrow; safetensors; tokenizers; NumPy; PyTorch.
WRITE_FAILURES = {
    "a number": OSError(errno.ENOSPC, "No space left on device"),
    "safetensors' own words": SafetensorError("I/O error: No space left on device (os error 28)"),
    "tokenizers' own words": Exception("No space left on device (os error 28)"),
    "too few bytes": OSError("100000 requested and 8176 written"),
    "a failed assertion": RuntimeError("[enforce fail at inline_container.cc:672] unexpected pos"),
}


def full_disk(name, failure):
    @case(f"disk full: {name}", OSError, "[Errno 28] No space left on device: 'FOLDER/out/x'")
    def _(folder, whole):
        with pytest.MonkeyPatch.context() as patch:
            usage = SimpleNamespace(free=4096)
            patch.setattr(shutil, "disk_usage", lambda path: usage)
            with atomic_path(folder / "out" / "x") as chunk:
                chunk.mkdir()
                with atomic_path(chunk / "features") as scratch:
                    scratch.write_text("half")
                    raise failure


for name, failure in WRITE_FAILURES.items():
    full_disk(name, failure)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_told_with_its_place_and_leaves_nothing_half_written(
    case, tmp_path, whole, caplog
):
    if case.error is None:
        with caplog.at_level(logging.INFO, "ontogeny"):
            case.provoke(tmp_path, whole)
        messages = [record.message for record in caplog.records if record.levelname == "WARNING"]
        assert len(messages) == 1
        message = messages[0]
    else:
        with pytest.raises(case.error) as raised:
            case.provoke(tmp_path, whole)
        assert type(raised.value) is case.error
        message = str(raised.value)
    for part in case.parts:
        assert part.replace("FOLDER", str(tmp_path)) in message
    assert [path for path in tmp_path.glob("out/**/*") if not path.is_dir()] == []


def test_the_table_has_every_case_of_the_designs_list():
    assert {case.name.split(":")[0] for case in CASES} == set(DESIGN_LIST)


@pytest.mark.parametrize("failure", [RuntimeError("shapes differ"), OSError("not a file")])
def test_a_failure_on_a_disk_with_space_stays_what_it_is(tmp_path, failure):
    with pytest.raises(type(failure)) as raised, atomic_path(tmp_path / "x"):
        raise failure
    assert raised.value is failure
