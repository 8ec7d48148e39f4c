"""Claims about clones find what was planted, and don't find what wasn't."""

import numpy as np
import pytest
from planted_clones import STEPS, exponential, planted, synthetic

from ontogeny.results.claims import evaluate
from ontogeny.results.tables import check
from ontogeny.studies.clones.claims import CLAIMS, halfway
from ontogeny.studies.clones.evidence import rows_of, saturation
from ontogeny.studies.clones.rows import as_rows
from ontogeny.studies.clones.tables import CLONES, ORIGINAL


def verdicts(evidence):
    frame = evaluate(CLAIMS, {("run", "text"): evidence}, "toy")
    return dict(zip(frame["claim"], frame["verdict"], strict=True))


def test_a_curve_saturates_where_it_comes_within_tolerance_of_its_end():
    """Straight in log step between 100 and 200, from 1 to 0: at 95% of the way."""
    steps = np.array([50, 100, 200, 400])
    found = saturation(steps, np.array([1.0, 1.0, 0.0, 0.0]), 0.05)
    assert found == pytest.approx(100 * 2**0.95)


def test_a_curve_that_rises_again_saturates_on_its_way_to_its_lowest():
    """Straight in log step from 0 at 100 to -1 at 200, wherever it ends."""
    steps = np.array([50, 100, 200, 400])
    found = saturation(steps, np.array([[1.0, 0.0, -1.0, end] for end in (-1.0, 0.5, 3.0)]), 0.05)
    assert found == pytest.approx(100 * 2**0.9)


def test_of_an_exponential_fall_it_is_in_closed_form():
    """exp(-rate t) = 0.05 at t = log(20) / rate, up to the interpolation between checkpoints."""
    for rate in (0.03, 0.01, 0.004):
        found = saturation(STEPS, exponential(rate), 0.05)
        assert found == pytest.approx(np.log(20) / rate, rel=0.12)


def test_a_curve_that_rises_never_saturates():
    assert np.isnan(saturation(STEPS, np.arange(7.0), 0.05))


def test_halfway_is_interpolated_in_log_step():
    steps = np.array([10, 100, 1000])
    assert halfway(steps, np.array([0.0, 0.0, 1.0])) == pytest.approx(np.log(100 * 10**0.5))


def test_low_orders_that_saturate_first_are_found():
    assert verdicts(planted()) == {
        "clones.3.order": "replicated",
        "clones.3.original": "replicated",
    }
    found = verdicts(planted(objective="causal"))
    assert found == {"clones.4.order": "replicated", "clones.4.original": "replicated"}


def test_low_orders_that_saturate_last_are_not():
    found = verdicts(planted(low=0.002, high=0.01, original=0.02))
    assert set(found.values()) == {"not replicated"}


def test_a_loss_that_rises_and_comes_back_has_not_gone_on_falling():
    evidence = planted(low=0.002, high=0.01, original=0.05)
    losses, _, counts = evidence.sums[ORIGINAL]  # (seeds, steps, sentences)
    losses[:, 3:-1] += counts[:, 3:-1]  # by a nat, until the last step
    assert verdicts(evidence)["clones.3.original"] != "replicated"


def test_orders_that_saturate_together_are_not_told_apart():
    found = verdicts(planted(low=0.004, high=0.004, original=0.004))
    assert found["clones.3.order"] == "undecided"


def test_depths_at_their_optima_and_layers_in_order_are_found():
    assert verdicts(synthetic()) == {"clones.1": "replicated", "clones.2": "replicated"}


@pytest.mark.parametrize("place", range(3))
def test_a_depth_that_misses_its_optimum_is_found(place):
    excess = [0.0, 0.0, 0.0]
    excess[place] = 0.06  # of gaps of 0.1
    assert verdicts(synthetic(excess=excess))["clones.1"] == "not replicated"


def test_layers_that_move_in_another_order_are_found():
    found = verdicts(synthetic(times=(900.0, 300.0, 100.0)))
    assert found["clones.2"] == "not replicated"


def test_rows_keep_to_the_table():
    rows = as_rows(rows_of(planted()))
    check(rows, CLONES)
    original = rows[rows["sampler"].isna() & (rows["metric"] == "loss_ratio")]
    assert (original["value"] == 1).all()
    check(as_rows(synthetic().learned.rows, run="hamiltonian", corpus="spins"), CLONES)
