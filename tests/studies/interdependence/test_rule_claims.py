"""The claims about scaffolds, on planted rows."""

import numpy as np
import pytest
from planted_rules import SPEED, as_published, rules

from ontogeny.results.claims import evaluate
from ontogeny.results.tables import check
from ontogeny.studies.interdependence.conditions import RUN
from ontogeny.studies.interdependence.rule_claims import claims
from ontogeny.studies.interdependence.rule_statistics import curves
from ontogeny.studies.interdependence.tables import INTERDEPENDENCE


def verdicts(rows):
    found = curves(rows, rule_count=120, draws=100, seed=0)
    table = evaluate(claims(found), {(RUN, ""): found}, "toy")
    names = table["claim"].str.removeprefix("interdependence.")
    return dict(zip(names, table["verdict"], strict=True)), table.set_index(names)["value"]


def test_what_the_thesis_has_is_replicated():
    rows = rules()
    check(rows, INTERDEPENDENCE)
    said, values = verdicts(rows)
    assert set(said.values()) == {"replicated"}, said
    # Means over the checkpoints: 0.05 at first for all, then 0.4 apart twice.
    assert values["4a"] == pytest.approx(0.8 / 3, abs=0.02)
    assert values["5a"] == pytest.approx(0.1 - 0.95 + 0.05 * 0.55, abs=0.02)
    assert values["7a"] == pytest.approx(0.55, abs=0.02)
    assert values["8a"] == pytest.approx(0.5, abs=0.03)
    assert values["8d"] == pytest.approx(1.0, abs=0.03)
    assert values["9a"] == pytest.approx(-0.5 * 3, abs=0.05)
    assert values["10"] == pytest.approx(0.55 / 2, abs=0.02)


def test_what_repeating_does_by_itself_is_no_familiarity():
    def repeated(setting, *rest):
        return as_published("familiar" if setting == "repeated" else setting, *rest)

    said, _ = verdicts(rules(probability=repeated))
    for claim in ("4", "5", "6"):
        assert said[f"{claim}a"] == "replicated"
        assert said[f"{claim}b"] != "replicated"
        assert said[f"{claim}c"] == "replicated"


def test_smaller_errors_are_no_smaller_gradients_through_the_scaffold():
    def smaller(setting, distance):
        return np.exp(-distance) * (0.3 if setting == "familiar" else 1)

    said, values = verdicts(rules(gradient=smaller))
    assert said["9a"] == "replicated"
    assert values["9a"] == pytest.approx(np.log(0.3), abs=0.02)
    assert values["9b"] == pytest.approx(0, abs=0.02)


def test_the_reverse_is_not_replicated():
    def swapped(setting, *rest):
        other = {"familiar": "unfamiliar", "unfamiliar": "familiar"}.get(setting, setting)
        return as_published(other, *rest)

    said, _ = verdicts(rules(probability=swapped))
    assert [said[claim] for claim in ("4a", "5a", "6a", "7c")] == 4 * ["not replicated"]


def test_claims_on_settings_that_were_not_trained_are_not_made():
    said, _ = verdicts(rules(settings=("unfamiliar", "familiar")))
    assert {"4a", "8d"} <= set(said)
    assert not {"4b", "4c", "8b"} & set(said)
    assert set(SPEED) == {"unfamiliar", "familiar", "repeated", "elsewhere"}


def test_one_seed_decides_nothing():
    said, _ = verdicts(rules(seeds=(0,)))
    assert set(said.values()) == {"insufficient data"}
