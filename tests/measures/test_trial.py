"""A trial says of each measure whether it works on a checkpoint, and why not where it doesn't."""

import json
import shutil

import pytest
from model_zoo import save

from ontogeny.errors import CheckpointError
from ontogeny.measures import trial
from ontogeny.measures.trial import MEASURES, main, try_checkpoint
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.pretraining.tokenizers import train_tokenizer


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """A folder with checkpoints of four families."""
    folder = tmp_path_factory.mktemp("trial")
    for name in ("bert", "opt", "mamba", "t5"):
        save(name, folder / name)
    return folder


@pytest.mark.parametrize("name", ["bert", "opt"])
def test_all_measures_of_a_family_that_is_measured_are(zoo, name):
    outcomes = try_checkpoint(zoo / name)
    assert [outcome.measure for outcome in outcomes] == list(MEASURES)
    assert all(outcome.found and not outcome.refusal for outcome in outcomes)
    found = {outcome.measure: outcome.found for outcome in outcomes}
    assert found["features"].endswith("layers 0 to 2, width 24")
    assert found["attention"] == "2 layers, 3 heads"
    assert found["sentence scores"].startswith("pseudo-" if name == "bert" else "log-")
    assert outcomes == try_checkpoint(zoo / name)


@pytest.mark.parametrize("kind", ["word", "wordpiece", "bpe"])
def test_the_sentences_are_words_that_the_tokenizer_knows(tmp_path, kind):
    sizes = {} if kind == "word" else {"vocabulary_size": 300}
    text = [["cats", "sleep", "here", "."], ["dogs", "run", "there", "."]]
    tokenizer = train_tokenizer(text, kind=kind, objective="masked", **sizes)
    config = configure("bert", len(tokenizer), layers=1, heads=1, width=8, positions=16)
    initialise(config, 0).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert not any(outcome.refusal for outcome in try_checkpoint(tmp_path))
    for words in trial._sentences(tokenizer, 0):
        ids = tokenizer(" ".join(words), add_special_tokens=False)["input_ids"]
        assert tokenizer.unk_token_id not in ids


def test_a_measure_that_is_refused_says_why_and_the_others_go_on(zoo, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([str(zoo / "mamba")])
    assert stopped.value.code == 1
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == f"{zoo / 'mamba'}: MambaForCausalLM (model_type mamba)"
    assert [line.split(":")[0].strip() for line in lines] == list(MEASURES)
    refused = [line for line in lines if "measured:" not in line]
    assert len(refused) == 1
    assert refused[0].startswith("  attention: refused: ")
    assert "gives no attention weights" in refused[0]


def test_a_checkpoint_of_which_nothing_can_be_measured_is_refused_whole(zoo, capsys):
    with pytest.raises(CheckpointError, match=r"T5ForConditionalGeneration .* encoder-decoder"):
        try_checkpoint(zoo / "t5")
    with pytest.raises(SystemExit):
        main([str(zoo / "t5"), str(zoo / "nowhere"), str(zoo / "bert")])
    lines = capsys.readouterr().out.splitlines()
    assert "encoder-decoder" in lines[0]
    assert "nowhere/config.json: there is no such folder" in lines[1]
    assert len(lines) == 3 + len(MEASURES)


def test_checkpoints_that_are_measured_end_well(zoo, capsys):
    main([str(zoo / "bert")])
    assert capsys.readouterr().out.count("measured:") == len(MEASURES)
    with pytest.raises(SystemExit, match=r"usage: python -m ontogeny\.measures\.trial FOLDER"):
        main([])


def test_layers_are_measured_whatever_the_config_says_of_the_head(zoo, tmp_path):
    folder = shutil.copytree(zoo / "bert", tmp_path / "bert")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["BertLMHeadModel"]}))
    outcomes = {outcome.measure: outcome for outcome in try_checkpoint(folder)}
    assert outcomes["features"].found
    assert outcomes["intrinsic dimension"].found
    assert "says causal (BertLMHeadModel" in outcomes["held-out loss"].refusal


def test_an_error_that_has_no_name_is_told_as_one(zoo, monkeypatch):
    def fail(*arguments, **settings):
        raise IndexError("no such layer")

    monkeypatch.setattr(trial, "extract", fail)
    outcomes = {outcome.measure: outcome for outcome in try_checkpoint(zoo / "bert")}
    assert "please report it: IndexError('no such layer')" in outcomes["features"].refusal
    assert outcomes["attention"].found
