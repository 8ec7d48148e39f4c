"""Figures of clones show what their tables hold, and say so where that is nothing."""

import pandas as pd
import pytest
from planted_clones import planted, synthetic

from ontogeny.studies.clones.evidence import rows_of
from ontogeny.studies.clones.figures import FIGURES
from ontogeny.studies.clones.rows import as_rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def text():
    return as_rows(rows_of(planted()))


@pytest.fixture(scope="module")
def spins():
    return as_rows(synthetic().learned.rows, run="hamiltonian", corpus="spins")


def gids(figure):
    return {line.get_gid() for axes in figure.axes for line in axes.get_lines()}


def test_every_depth_and_every_optimum_is_drawn(spins):
    figure = FIGURES["learning"](spins)
    assert {"layers:1", "layers:2", "layers:3"} <= gids(figure)
    dashed = [line for line in figure.axes[0].get_lines() if line.get_linestyle() == "--"]
    assert len(dashed) == 4


def test_every_layer_of_the_deepest_models_is_drawn(spins):
    figure = FIGURES["displacement"](spins)
    assert {f"mean squared displacement:{layer}" for layer in (1, 2, 3)} <= gids(figure)


def test_the_original_and_every_clone_are_drawn(text):
    figure = FIGURES["curves"](text)
    for metric in ("loss", "accuracy"):
        assert {f"{metric}::0", f"{metric}:two:20", f"{metric}:encoder:20"} <= gids(figure)
    assert {"saturation:", "saturation:two"} <= gids(figure)


def test_three_steps_have_a_line_each_from_low_orders_to_the_original(text):
    figure = FIGURES["three_steps"](text)
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert [label.split(" (")[0] for label in labels] == [
        "order 3", "order 9", "any order", "original"
    ]  # fmt: skip
    assert len([gid for gid in gids(figure) if gid and gid.startswith("step:")]) == 3


def test_without_clones_there_is_a_statement(text):
    nothing = text[text["sampler"].isna()]
    assert "nothing to show" in FIGURES["three_steps"](nothing).texts[0].get_text()
    assert "nothing to show" in FIGURES["scores"](text).texts[0].get_text()


def test_sentences_stand_above_what_became_of_them():
    table = pd.DataFrame(
        {"run": ["two", "two"], "sweeps": [5, 20], "sentence": [1, 1], "before": ["a b"] * 2,
         "after": ["a c", "d c"]}
    )  # fmt: skip
    written = [text.get_text() for text in FIGURES["sentences"](table).texts]
    assert written.index("a b") < written.index("d c")
    assert "a c" not in written
