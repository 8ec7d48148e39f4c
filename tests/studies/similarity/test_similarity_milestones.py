"""Half-way points of the similarity to taggers, as the atlas reads them."""

import numpy as np
import pandas as pd
import pytest

from ontogeny.studies.similarity.milestones import half_way_to_taggers
from ontogeny.studies.similarity.tables import PRIMARY

STEPS = (0, 10, 20, 40, 80, 160)


def measured(curve, tagset="upos", tagging="next", seed=0, layer=1, **changes):
    """Return rows of the study's table: the similarity to a tagger at each step."""
    row = {
        **{"run": "a", "corpus": "ud", "seed": seed, "layer": layer, "other": "tagger"},
        **{"other_layer": 1, "domain": "ud", "tagset": tagset, "tagging": tagging, "shuffled": 0},
        **{"metric": PRIMARY},
    } | changes
    return pd.DataFrame(
        [row | {"step": step, "value": value} for step, value in zip(STEPS, curve, strict=True)]
    )


def taggers(**accuracy):
    """Return rows of the table of taggers, of which a majority answer would get half right."""
    rows = [
        ("ud", tagset, "next", 0, metric, value)
        for tagset, share in accuracy.items()
        for metric, value in (
            ("accuracy", share), ("majority_accuracy", 0.5), ("test_words", 1000.0),
        )
    ]  # fmt: skip
    columns = ["domain", "tagset", "tagging", "shuffled", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


def test_the_mean_over_layers_is_half_way_between_two_checkpoints():
    rows = pd.concat([measured([0, 0, 0, 1, 1, 1]), measured([0, 0, 0, 0.5, 0.5, 0.5], layer=2)])
    (found,) = half_way_to_taggers(rows, taggers(upos=0.9), {}).itertuples()
    assert (found.low, found.high) == (20, 40)
    assert found.step == pytest.approx(np.sqrt(20 * 40))
    assert found.milestone == "like a tagger of the next word's upos"
    assert found.kind == "half-way"


def test_embeddings_shuffled_tags_and_other_domains_do_not_count():
    rise = [0, 0, 0, 1, 1, 1]
    late = [0, 0, 0, 0, 0, 1]
    rows = pd.concat(
        [
            measured(rise),
            measured(late, layer=0),
            measured(late, shuffled=1),
            measured(late, domain="other"),
            measured(late, metric="rsa"),
        ]
    )
    (found,) = half_way_to_taggers(rows, taggers(upos=0.9), {}).itertuples()
    assert (found.low, found.high) == (20, 40)


def test_a_tagger_that_learned_nothing_is_no_milestone():
    rows = pd.concat([measured([0, 0, 0, 1, 1, 1], tagset=tagset) for tagset in ("upos", "xpos")])
    found = half_way_to_taggers(rows, taggers(upos=0.9, xpos=0.5), {})
    assert found["milestone"].tolist() == ["like a tagger of the next word's upos"]


def test_a_curve_without_a_half_way_and_one_of_three_steps_are_none():
    back = measured([0, 0.5, 1, 1, 0.5, 0.05])
    assert half_way_to_taggers(back, taggers(upos=0.9), {}).empty
    short = measured([0, 0, 0, 1, 1, 1]).query("step < 40")
    assert half_way_to_taggers(short, taggers(upos=0.9), {}).empty
