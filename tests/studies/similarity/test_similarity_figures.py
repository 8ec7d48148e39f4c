"""Each figure shows what its table holds."""

import pandas as pd
import pytest
from planted_similarities import planted, planted_taggers

from ontogeny.studies.similarity.figures import FIGURES
from ontogeny.studies.similarity.tables import MEASURES

pytestmark = pytest.mark.slow

LOSSES = pd.DataFrame(
    {"run": "planted", "seed": [0], "step": [80], "metric": "learning_rate", "value": [5.0]}
)


def gids(figure):
    return {artist.get_gid() for axes in figure.axes for artist in axes.get_lines()} - {None}


@pytest.fixture(scope="module")
def here():
    table = planted()
    return table[table["corpus"] == "here"]


def test_layers_are_shown_against_final_states_and_each_other(here):
    shown = gids(FIGURES["convergence"](here, LOSSES))
    assert {f"own_final:{layer}" for layer in range(3)} <= shown
    assert {f"seed_final:{layer}" for layer in range(3)} <= shown
    assert {"layer:0-1", "layer:0-2", "layer:1-2", "chance"} <= shown


@pytest.mark.parametrize("name", ["next_taggers", "input_taggers"])
def test_every_tagger_is_shown_at_every_layer(here, name):
    shown = gids(FIGURES[name](here, LOSSES))
    for layer in range(3):
        for tagset in ("upos", "xpos", "deprel", "topic"):
            for shuffled in (0, 1):
                assert f"tagger:{layer}:{tagset}:{shuffled}:here" in shown
            assert f"tagger:{layer}:{tagset}:0:elsewhere" in shown


def test_diagnostic_classifiers_are_shown_with_the_most_frequent_tag(here):
    shown = gids(FIGURES["diagnostics"](here, LOSSES))
    for tagging in ("input", "next"):
        assert f"diagnostic:{tagging}:1:upos:accuracy" in shown
        assert f"diagnostic:{tagging}:1:upos:majority_accuracy" in shown


def test_measures_stand_side_by_side(here):
    there = here[here["metric"] != "cca"]
    other = here[here["metric"] == "svcca"].assign(metric="rsa")
    figure = FIGURES["measures"](pd.concat([there, other]), LOSSES)
    assert len(figure.axes) == 2
    assert {name for name in MEASURES if f"{name}:own final state" in gids(figure)} == {
        "svcca",
        "rsa",
    }


def test_layers_compared_within_a_model_bear_their_names_while_they_are_few(here):
    axes = FIGURES["convergence"](here, LOSSES).axes[2]
    assert {text.get_text() for text in axes.texts} == {"emb.\u20131", "1\u20132", "emb.\u20132"}


def test_the_table_of_taggers_sets_out_each_and_greys_what_learned_nothing():
    figure = FIGURES["taggers"](planted_taggers(learned=("upos", "deprel")))
    texts = figure.axes[0].texts
    said = [text.get_text() for text in texts]
    assert said.count("60.0") == 2 * 2 * 2  # two domains, two tag sets, both taggings
    assert said.count("30.0") == 2 * 4 * 5 - 8  # shuffled, not learned, and the majority's
    assert {"9", "5,000", "600", "3.00"} <= set(said)
    grey = {text.get_gid() for text in texts if text.get_color() == "0.55"} - {None}
    assert "here:upos:0:learned" not in grey
    assert {"here:upos:2:not learned", "elsewhere:xpos:0:not learned"} <= grey


@pytest.mark.parametrize("name", sorted(FIGURES.keys() - {"taggers"}))
def test_rescalings_of_the_step_size_are_vertical_lines(here, name):
    assert "rescaling:80" in gids(FIGURES[name](here, LOSSES))
    assert "rescaling:80" not in gids(FIGURES[name](here, LOSSES.iloc[:0]))


def test_what_was_not_measured_is_said(here):
    none = here[here["other"] != "diagnostic"]
    figure = FIGURES["diagnostics"](none, LOSSES)
    assert "No diagnostic classifier" in figure.texts[0].get_text()


def test_one_seed_has_no_other(here):
    alone = here[(here["seed"] == 0) & (here["other"] != "seed_final")]
    shown = gids(FIGURES["convergence"](alone, LOSSES))
    assert not any(name.startswith("seed_final") for name in shown)
