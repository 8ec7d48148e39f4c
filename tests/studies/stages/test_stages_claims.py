"""Claims about stages hold where they were planted, and don't where they weren't."""

import numpy as np
import pandas as pd
import pytest
from planted_stages import STEPS, TIMES, of_regression, planted, rise, tables

from ontogeny.measures.essential_dynamics import log_steps
from ontogeny.results.claims import evaluate
from ontogeny.studies.stages.claims import (
    CLAIMS,
    fall_in_collapse,
    halfway,
    passage,
    unexplained,
    vanishes,
)
from ontogeny.studies.stages.evidence import boundary_rows, read_evidence


def verdicts(evidence):
    frame = evaluate(CLAIMS, {(evidence.run, evidence.corpus): evidence}, "toy")
    return dict(zip(frame["claim"], frame["verdict"], strict=True))


def test_a_planted_order_of_a_language_model_is_found():
    found = verdicts(planted())
    assert found["stages.1"] == found["stages.2"] == found["stages.5"] == "replicated"
    assert not [claim for claim in found if claim.startswith("stages.3")]


@pytest.mark.parametrize("order", [(3.5, 2.0, 5.0, 6.5), (2.0, 3.5, 6.5, 5.0)])
def test_another_order_does_not_replicate(order):
    assert verdicts(planted(order=order))["stages.2"] == "not replicated"


def test_without_a_fall_there_is_no_stage_of_type_b():
    assert verdicts(planted(fall=0.0))["stages.5"] == "not replicated"


def test_the_planted_order_of_regression_is_found():
    found = of_regression()
    statistics = {claim.id: claim.estimate(found) for claim in CLAIMS}
    assert statistics["stages.2"] is None
    assert statistics["stages.3.order"].value > 1
    # Seeds that are all alike have an interval of no width, which decides nothing.
    assert verdicts(found)["stages.3.order"] == "insufficient data"
    assert statistics["stages.3.collapse"].value == pytest.approx(1.0, abs=0.05)
    late = of_regression(collapse=(6.0, 6.0, 7.0))
    assert {c.id: c.estimate(late) for c in CLAIMS}["stages.3.collapse"].value < 0


def test_the_unembedding_is_found_to_vanish_before_earlier_norms_or_after_them():
    assert verdicts(of_regression(noise=0.005))["stages.3.unembedding"] == "replicated"
    late = of_regression(vanishes=8.0, noise=0.005)
    assert verdicts(late)["stages.3.unembedding"] == "not replicated"
    statistics = {claim.id: claim.estimate(of_regression()) for claim in CLAIMS}
    assert statistics["stages.3.unembedding"].value == pytest.approx(1.0, abs=0.05)


def test_the_coefficient_is_found_to_fall_in_the_collapse_or_elsewhere():
    assert verdicts(of_regression(falls=6.7))["stages.3.falling"] == "replicated"
    early = of_regression(falls=6.7, collapse=(4.0, 4.0, 3.5))
    assert verdicts(early)["stages.3.falling"] == "not replicated"
    nothing = of_regression(collapse=(99.0, 99.0, 99.0))
    assert verdicts(nothing)["stages.3.falling"] == "insufficient data"


def test_a_coefficient_that_falls_all_along_falls_in_the_collapse_by_luck():
    """Noise can't make it rise over any stretch, but a collapse anywhere would have come out so."""
    even = -TIMES
    fall, luck = fall_in_collapse(TIMES, even, rise(5.0))
    assert fall > 0
    assert luck == pytest.approx(1)
    there = -rise(5.0)
    fall, luck = fall_in_collapse(TIMES, there, rise(5.0))
    assert fall == pytest.approx(0.8, abs=0.01)
    assert luck < 0.05
    # Over as long a stretch before or after, it doesn't fall at all.
    fall, luck = fall_in_collapse(TIMES, there, rise(2.0))
    assert fall == pytest.approx(0, abs=1e-9)
    assert luck == pytest.approx(1)
    assert np.isnan(fall_in_collapse(TIMES, there, np.zeros(len(TIMES)))).all()


def test_a_norm_vanishes_half_way_down_from_its_height_if_it_loses_half_of_it():
    grown = 0.2 + rise(3.0)
    assert vanishes(TIMES, grown - 0.9 * rise(6.0)) == pytest.approx(6.0, abs=0.02)
    assert np.isnan(vanishes(TIMES, grown - 0.5 * rise(6.0)))
    assert np.isnan(vanishes(TIMES, grown))


def test_a_share_of_the_way_is_passed_where_it_was_planted():
    line = np.clip(TIMES, 3.0, 5.0)
    for share in (0.1, 0.5, 0.9):
        assert passage(TIMES, line, share, rising=True) == pytest.approx(3 + 2 * share, abs=0.02)


def test_a_coefficient_that_is_a_function_of_loss_is_fully_explained():
    loss = np.linspace(4, 1, 30)
    assert unexplained(loss, np.exp(-loss)) == pytest.approx(0, abs=1e-9)
    assert unexplained(loss, np.sin(3 * loss)) > 0.3


def test_half_of_the_way_is_where_it_was_planted():
    assert halfway(TIMES, rise(4.0), rising=True) == pytest.approx(4.0, abs=0.02)
    assert halfway(TIMES, -rise(4.0), rising=False) == pytest.approx(4.0, abs=0.02)
    assert np.isnan(halfway(TIMES, np.ones(len(TIMES)), rising=True))


def test_boundaries_are_those_that_were_planted():
    rows = boundary_rows(planted(noise=0.005))
    ends = rows[rows["metric"] == "end"].sort_values("stage")
    assert "".join(ends["type"]) == "ABA"
    times = log_steps(ends["value"].to_numpy())
    # Anywhere in the plateaus between rise and fall.
    assert 3.5 < times[0] < 4.5
    assert 6.4 < times[1] < 7.3
    assert ends["foremost"].isin(set(planted().curves)).all()
    low = rows[rows["metric"] == "end_low"]["value"].to_numpy()
    assert (low <= ends["value"].to_numpy()[: len(low)] * 1.001).all()


def test_evidence_is_read_as_it_was_written(tmp_path):
    evidence = planted()
    measures = tables(evidence)
    # Of parts at some checkpoints alone.
    of_parts = measures[measures["metric"] == "llc"][:2].assign(metric="llc_refined", layer=1)
    pd.concat([measures, of_parts]).to_parquet(tmp_path / "measures.parquet")
    chains = [
        ("lm", "text", seed, int(step), chain, evidence.chains[s, chain, t])
        for s, seed in enumerate(evidence.seeds)
        for chain in range(4)
        for t, step in enumerate(STEPS)
    ]
    names = ["run", "corpus", "seed", "step", "chain", "value"]
    pd.DataFrame(chains, columns=names).to_parquet(tmp_path / "chains.parquet")
    found = read_evidence(
        [tmp_path / "measures.parquet"],
        [tmp_path / "chains.parquet"],
        bandwidth=0.4,
        draws=40,
        seed=0,
    )
    np.testing.assert_allclose(found.chains, evidence.chains)
    assert found.curves.keys() == evidence.curves.keys() | {"llc"}
    for metric, values in evidence.curves.items():
        np.testing.assert_allclose(found.curves[metric], values)
