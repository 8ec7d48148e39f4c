"""The notebook in examples/, run from its first cell to its last."""

import json
import os

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from tiny_workflow import ROOT

from ontogeny.corpora.grammar.documents import generate
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.pretraining.tokenizers import train_tokenizer

NOTEBOOK = ROOT / "examples" / "one_checkpoint.ipynb"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The names that the notebook leaves, on a BERT with random weights, and what it drew."""
    folder = tmp_path_factory.mktemp("checkpoint")
    text = [row["words"] for row in generate({"train": 100})["train"]]
    tokenizer = train_tokenizer(text, kind="word", objective="masked")
    config = configure("bert", len(tokenizer), layers=2, heads=2, width=16, positions=64)
    initialise(config, 0).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    names, drawn = {}, []
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    with pytest.MonkeyPatch.context() as patch, mpl.rc_context({"backend": "agg"}):
        patch.setitem(os.environ, "CHECKPOINT", str(folder))
        patch.setattr(plt, "show", lambda: drawn.append(plt.gcf()))
        for cell in cells:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)
    yield names, drawn
    plt.close("all")


def test_it_measures_three_sentences_and_draws_them(ran):
    names, (figure,) = ran
    assert len(names["three"]) == 3
    assert 0 <= names["parse"].uas <= 1
    assert names["heads"].shape == (2, 2)
    assert list(names["probes"].index) == [0, 1, 2]
    assert {"activation", "gradient"} <= set(names["concentration"].columns)
    assert ((names["concentration"] > 0) & (names["concentration"] <= 1)).all(axis=None)
    titles = {axes.get_title() for axes in figure.axes}
    assert {"UAS of each head", "parts of speech, by a probe", "concentration"} <= titles


def test_no_output_is_kept_in_it():
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
