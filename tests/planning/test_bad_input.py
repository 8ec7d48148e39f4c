"""Bad input, case by case: what the message says, and that nothing half-written stays behind.

The first part of a case's name is the entry of the design's list that it belongs to. The cases of
corpora and of runs stand in files of their own.
"""

import copy
import errno
import logging
import shutil
from types import SimpleNamespace

import bad_input_in_corpora  # noqa: F401  enters its cases into the table
import bad_input_in_runs  # noqa: F401
import pytest
from bad_input import CASES, DESIGN_LIST, case
from safetensors import SafetensorError

from ontogeny.corpora.build import write_corpus
from ontogeny.errors import ConfigError
from ontogeny.files import atomic_path
from ontogeny.planning.configuration import validate
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.checkpoints.manifest import describe, write_manifest
from ontogeny.runs.pretraining.tokenizers import train_tokenizer
from ontogeny.studies import STUDIES

LONGEST = 8  # tokens that the tiny model reads, special tokens included

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
    validate(config, "mine.yaml", {"ud-ewt"}, STUDIES)


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


@case("unknown key: no keys at all", ConfigError, "mine.yaml: holds None; expected the keys tier")
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


@case("task the corpus cannot serve: a regularizer that needs parses", ConfigError,
      "mine.yaml: runs.tiny.regularizer: needs the annotation head, which no corpus of the run",
      "(raw) has. Leave the regularizer out, or train on a corpus with parses.")  # fmt: skip
def _(folder, whole):
    validated(
        changed(
            corpora__raw={"kind": "text", "train": "a", "held_out": "b"},
            runs__tiny__corpus="raw",
            runs__tiny__regularizer={"kind": "syntactic_attention", "strength": 1},
        )
    )


@case("step that a run does not have: in a study", ConfigError,
      "mine.yaml: studies.pushdown.steps: run 'tiny' has no checkpoint at step 3, 7; it has 0,",
      "100.")  # fmt: skip
def _(folder, whole):
    validated(changed(studies__pushdown__steps=[7, 100, 3]))


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
