"""The ledger of claims as the page shows it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ontogeny.page.ledger import WIDE, interval, ledger, tally
from ontogeny.results.claims import Claim, Estimate, evaluate


def claim(value, low, high, direction="above", threshold=0.0, name="x.1"):
    declared = Claim(
        name, "x", "It rises.", "Someone 2020", "slope", direction, threshold, lambda e: e, seeds=2
    )
    return evaluate([declared], {("run", "corpus"): Estimate(value, low, high, 3)}, "toy")


numbers = st.floats(-1e3, 1e3)


@given(st.lists(numbers, min_size=3, max_size=3), numbers)
def test_an_interval_is_drawn_in_order_and_to_scale(ends, threshold):
    low, value, high = sorted(ends)
    drawn = interval({"value": value, "low": low, "high": high, "threshold": f"> {threshold!r}"})
    places = [drawn[name] for name in ("low", "value", "high", "threshold")]
    assert all(0 <= place <= WIDE for place in places)
    assert places[:3] == sorted(places[:3])
    assume(max(high, threshold) - min(low, threshold) > 1e-3)
    found = np.argsort([low, threshold, high], kind="stable")
    span = max(high, threshold) - min(low, threshold)
    assert np.diff(np.array(places)[[0, 3, 2]][found]).min() >= -0.05
    assert (places[2] - places[0]) / WIDE == pytest.approx((high - low) / span * 0.92, abs=0.01)


def test_what_is_not_bounded_or_not_there_is_not_drawn():
    for number in (np.nan, np.inf):
        assert interval({"value": 1.0, "low": 0.0, "high": number, "threshold": "> 0"}) is None


def test_each_row_has_its_verdict_numbers_and_forest():
    claims = pd.concat([claim(1, 0.5, 2), claim(np.nan, np.nan, np.nan, name="x.2")])
    first, second = ledger(claims, {"run.corpus": "../figures/claims/forest.run.corpus.svg"})
    assert (first["verdict"], first["numbers"]) == ("replicated", "1 [0.5, 2]")
    assert first["forest"].endswith("forest.run.corpus.svg")
    assert (second["verdict"], second["numbers"]) == ("insufficient data", "")
    assert second["interval"] is None
    assert ledger(claims, {})[0]["forest"] is None


def test_verdicts_are_counted_those_too_that_nobody_got():
    counts = {verdict: count for verdict, _, count in tally(claim(1, 0.5, 2))}
    assert counts == {
        "replicated": 1,
        "not replicated": 0,
        "undecided": 0,
        "insufficient data": 0,
    }
