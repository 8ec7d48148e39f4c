import pytest

from ontogeny.errors import ConfigError
from ontogeny.planning.configuration import validate
from ontogeny.studies import STUDIES

SOURCES = ["ud-ewt"]


def config(**changes):
    base = {
        "tier": "toy",
        "corpora": {
            "toy": {"kind": "grammar", "sentences": {"train": 9, "dev": 9, "test": 9}},
            "raw": {"kind": "text", "train": "a", "dev": "b", "test": "c"},
        },
        "runs": {
            "lstm": {"kind": "pretrain", "architecture": "lstm", "corpus": "raw", "seeds": [0],
                     "steps": [5]},
            "mine": {"kind": "local", "path": "/x/{step}", "seeds": [0], "steps": [0, 5],
                     "parameters": 10},
        },
        "studies": {"sparsity": {"runs": ["lstm"], "corpora": ["toy"], **changes}},
    }  # fmt: skip
    return base


def refused(settings):
    with pytest.raises(ConfigError) as caught:
        validate(settings, "mine.yaml", SOURCES, STUDIES)
    return str(caught.value)


def test_a_corpus_without_parts_of_speech_is_refused_by_name():
    message = refused(config(corpora=["raw"]))
    assert "studies.sparsity.corpora.raw: classes of words needs the annotation upos" in message


def test_a_run_whose_training_text_is_not_known_needs_frequencies():
    message = refused(config(runs=["mine"]))
    assert "studies.sparsity.runs: mine isn't trained here" in message
    validate(config(runs=["mine"], frequencies=["raw"]), "mine.yaml", SOURCES, STUDIES)
    message = refused(config(frequencies=["row"]))
    assert "studies.sparsity.frequencies: there is no corpus 'row'" in message


def test_attention_of_an_lstm_is_refused_before_anything_runs():
    settings = config()
    settings["studies"]["sas"] = {"runs": ["lstm"], "corpora": ["toy"]}
    message = refused(settings)
    assert "studies.sas.runs: lstm is of the architecture lstm, which has no attention" in message


def test_streams_on_several_devices_are_refused_before_anything_runs():
    settings = config()
    settings["runs"]["lstm"]["devices"] = 2
    assert "runs.lstm.devices: is 2, but streams are read on by one device" in refused(settings)
    settings["runs"]["lstm"]["sequences"] = "packed"
    settings["runs"]["lstm"]["dev_every"] = 5
    validate(settings, "mine.yaml", SOURCES, STUDIES)
