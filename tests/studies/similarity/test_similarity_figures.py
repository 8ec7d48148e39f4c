"""Each figure shows what its table holds."""

import pytest
from planted_similarities import planted

from ontogeny.studies.similarity.figures import FIGURES
from ontogeny.studies.similarity.tables import MEASURES


def gids(figure):
    return {artist.get_gid() for axes in figure.axes for artist in axes.get_lines()} - {None}


@pytest.fixture(scope="module")
def here():
    table = planted()
    return table[table["corpus"] == "here"]


def test_layers_are_shown_against_final_states_and_each_other(here):
    shown = gids(FIGURES["convergence"](here))
    assert {f"own_final:{layer}" for layer in range(3)} <= shown
    assert {f"seed_final:{layer}" for layer in range(3)} <= shown
    assert {"layer:0-1", "layer:0-2", "layer:1-2", "chance"} <= shown


@pytest.mark.parametrize("name", ["next_taggers", "input_taggers"])
def test_every_tagger_is_shown_at_every_layer(here, name):
    shown = gids(FIGURES[name](here))
    for layer in range(3):
        for tagset in ("upos", "xpos", "deprel", "topic"):
            for shuffled in (0, 1):
                assert f"tagger:{layer}:{tagset}:{shuffled}:here" in shown
            assert f"tagger:{layer}:{tagset}:0:elsewhere" in shown


def test_diagnostic_classifiers_are_shown_with_the_most_frequent_tag(here):
    shown = gids(FIGURES["diagnostics"](here))
    for tagging in ("input", "next"):
        assert f"diagnostic:{tagging}:1:upos:accuracy" in shown
        assert f"diagnostic:{tagging}:1:upos:majority_accuracy" in shown


def test_measures_stand_side_by_side(here):
    both = here.copy()
    other = here[here["metric"] == "svcca"].assign(metric="rsa")
    import pandas as pd

    figure = FIGURES["measures"](pd.concat([both, other]))
    assert len(figure.axes) == 2
    assert {name for name in MEASURES if f"{name}:own final state" in gids(figure)} == {
        "svcca",
        "rsa",
    }


def test_what_was_not_measured_is_said(here):
    none = here[here["other"] != "diagnostic"]
    figure = FIGURES["diagnostics"](none)
    assert "No diagnostic classifier" in figure.texts[0].get_text()


def test_one_seed_has_no_other(here):
    alone = here[(here["seed"] == 0) & (here["other"] != "seed_final")]
    shown = gids(FIGURES["convergence"](alone))
    assert not any(name.startswith("seed_final") for name in shown)
