"""Onsets that were planted are found, and lie inside their intervals."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_trajectories import (
    log_spaced,
    planted,
    planted_onset,
    rows_of,
    sigmoid,
    write,
)

from ontogeny.results.milestones import log_step
from ontogeny.results.onsets import onset
from ontogeny.results.tables import check, write_table
from ontogeny.studies.sas.onsets import onsets
from ontogeny.studies.sas.resampling import resample
from ontogeny.studies.sas.tables import ONSETS
from ontogeny.studies.sas.trajectories import read_trajectory

STEPS = log_spaced(20)
STRUCTURE, CAPABILITY, DROP = 200, 4000, 300
METRICS = {metric.name for metric in ONSETS.metrics}


def learning(generator, steps=STEPS, accuracy=True, **details):
    """Structure, then capability, around the centres above."""
    grammar = 0.5 + 0.45 * sigmoid(steps, CAPABILITY) if accuracy else None
    uas, loss = 0.25 + 0.5 * sigmoid(steps, STRUCTURE), 9 - 5 * sigmoid(steps, DROP)
    return planted(steps, uas, loss, grammar, generator=generator, **details)


def by_metric(frame, seed=None):
    rows = frame[frame["seed"].isna() if seed is None else frame["seed"] == seed]
    return rows.set_index("metric")


def within_a_gap(step, target, gaps=1):
    gap = np.diff(log_step(STEPS)).max()
    return abs(np.log(step) - np.log(target)) <= gaps * gap + 1e-9


def test_planted_onsets_are_found_in_noisy_sigmoids_and_lie_inside_their_intervals():
    curves = learning(np.random.default_rng(0), sentences=300, paradigms=(300,) * 4)
    frame = onsets(curves, draws=100, seed=0)
    check(frame, ONSETS)
    assert len(frame) == len(METRICS) * 4
    for seed in (None, 0, 1, 2):
        found = by_metric(frame, seed)
        assert set(found.index) == METRICS
        for metric, centre in (("structure", STRUCTURE), ("capability", CAPABILITY)):
            row, target = found.loc[f"{metric}_onset"], planted_onset(centre)
            assert within_a_gap(row["value"], target, 0.5)
            assert row["low"] <= row["value"] <= row["high"]
            assert row["low"] <= target * 1.2
            assert row["high"] >= target / 1.2
            bend = found.loc[f"{metric}_change_point"]
            assert within_a_gap(bend["value"], target, 2)
            assert np.isnan([bend["low"], bend["high"]]).all()
        assert within_a_gap(found.loc["loss_drop", "value"], DROP)
        ends = found.loc[["loss_drop_begins", "loss_drop_ends"], "value"]
        assert ends.iloc[0] < DROP < ends.iloc[1]


def test_intervals_cover_the_onset_of_the_curve_without_noise(monkeypatch):
    # The second opinion takes most of the time, and has no interval.
    monkeypatch.setattr("ontogeny.studies.sas.onsets.change_points", lambda *_: np.zeros(2))
    truth = {
        name: planted_onset(centre)
        for name, centre in (("structure_onset", STRUCTURE), ("capability_onset", CAPABILITY))
    }
    covered = {name: [] for name in truth}
    for trial in range(25):
        curves = learning(
            np.random.default_rng([1, trial]), seeds=1, sentences=100, paradigms=(150,) * 3
        )
        found = by_metric(onsets(curves, draws=80, seed=trial))
        for name, hits in covered.items():
            low, high = found.loc[name, ["low", "high"]]
            hits.append(low <= truth[name] <= high)
    # Of 25 intervals at 95%, fewer than 20 cover once in a thousand times.
    assert all(sum(hits) >= 20 for hits in covered.values()), covered


def test_rows_are_those_of_a_loop_over_draws_and_the_mean_is_over_the_seeds_that_were_drawn():
    curves = learning(np.random.default_rng(2), sentences=30)
    frame = onsets(curves, draws=60, seed=3)
    drawn = resample(curves, draws=60, seed=3)
    for name, metric in (("uas", "structure_onset"), ("accuracy", "capability_onset")):
        values = drawn.curves[name]
        for seed in (None, 0, 2):
            slow = []
            for draw, weights in enumerate(drawn.seed_weights):
                curve = values[draw, seed or 0]
                if seed is None:
                    curve = np.repeat(values[draw], weights, axis=0).mean(axis=0)
                slow.append(float(onset(STEPS, curve)))
            row = by_metric(frame, seed).loc[metric]
            redrawn = sorted(slow[1:])
            # 2.5% of 59 gaps: one is left out on each side.
            expected = slow[0], min(slow[0], redrawn[1]), max(slow[0], redrawn[-2])
            assert list(row[["value", "low", "high"]]) == pytest.approx(expected, rel=1e-6)


def test_intervals_narrow_with_more_sentences():
    widths = []
    for sentences in (20, 2000):
        curves = learning(np.random.default_rng(4), accuracy=False, sentences=sentences)
        row = by_metric(onsets(curves, draws=60, seed=0)).loc["structure_onset"]
        widths.append(np.log(row["high"] / row["low"]))
    assert widths[1] < widths[0]


def test_a_curve_that_is_too_short_or_nowhere_accelerates_has_no_row():
    four = learning(None, steps=np.array([0, 10, 100, 1000]))
    assert len(onsets(four, draws=5, seed=0)) == 0
    check(onsets(four, draws=5, seed=0), ONSETS)
    even = 0.1 + 0.02 * (log_step(STEPS) - log_step(STEPS)[0])
    flat = planted(STEPS, even, 5.0, 0.5)
    rises = {"structure_rise", "capability_rise"}
    assert set(onsets(flat, draws=5, seed=0)["metric"]) == rises
    falling = planted(STEPS, even, 9 - even, 0.5)
    drop = {"loss_drop", "loss_drop_begins", "loss_drop_ends"}
    assert set(onsets(falling, draws=5, seed=0)["metric"]) == rises | drop


def test_accuracy_at_chance_throughout_has_no_onset_and_its_rise_says_why():
    generator = np.random.default_rng(7)
    pairs = {"sentences": 100, "paradigms": (40,) * 20}
    curves = learning(generator, steps=STEPS, accuracy=False, **pairs)
    chance = planted(
        STEPS, 0.3, 5.0, np.linspace(0.505, 0.514, len(STEPS)), generator=generator, **pairs
    )
    found = by_metric(onsets(replace(curves, **pairs_of(chance)), draws=100, seed=0))
    assert "capability_onset" not in found.index
    assert "capability_change_point" not in found.index
    assert found.loc["capability_rise", "low"] < 0 < found.loc["capability_rise", "high"]
    assert found.loc["structure_rise", "low"] > 0
    assert np.isfinite(found.loc["structure_onset", "value"])


def pairs_of(trajectory):
    names = ("suite", "paradigms", "paradigm", "pair", "correct")
    return {name: getattr(trajectory, name) for name in names}


def test_the_fall_of_the_loss_between_step_0_and_the_first_checkpoint_is_not_its_drop():
    steps = np.r_[0, STEPS[STEPS >= 50]]
    curves = planted(steps, 0.3, 6 - 2 * sigmoid(steps, 3000) + 5 * (steps == 0))
    found = by_metric(onsets(curves, draws=5, seed=0))["value"]
    assert within_a_gap(found["loss_drop"], 3000)
    assert found["loss_drop_begins"] > 300
    assert found["loss_drop_ends"] < 30_000


def test_without_minimal_pairs_there_is_no_capability_onset():
    frame = onsets(learning(None, accuracy=False), draws=5, seed=0)
    assert set(frame["metric"]) == {name for name in METRICS if "capability" not in name}


def test_one_seed_has_the_interval_of_the_mean():
    frame = onsets(learning(np.random.default_rng(5), seeds=1), draws=30, seed=0)
    mean, only = by_metric(frame), by_metric(frame, 0)
    pd.testing.assert_frame_equal(mean.drop(columns="seed"), only.drop(columns="seed"))


def test_seeds_that_turn_at_different_times_widen_the_interval_of_the_mean():
    centres = np.array([50, 200, 5000])
    uas = 0.2 + 0.5 * np.stack([sigmoid(STEPS, centre, 0.5) for centre in centres])
    frame = onsets(planted(STEPS, uas, 5.0), draws=300, seed=0)
    for seed, centre in enumerate(centres):
        row = by_metric(frame, seed).loc["structure_onset"]
        assert row["low"] == row["value"] == row["high"]  # all sentences are alike
        assert within_a_gap(row["value"], planted_onset(centre, 0.5), 2)
    mean = by_metric(frame).loc["structure_onset"]
    single = [by_metric(frame, seed).loc["structure_onset", "value"] for seed in range(3)]
    assert mean["low"] <= min(single)
    assert mean["high"] >= max(single)


def test_rows_in_any_order_give_the_same_bytes(tmp_path):
    generator = np.random.default_rng(6)
    rows = rows_of(learning(generator, sentences=12, paradigms=(9, 4)))
    for name, order in (("one", None), ("two", generator), ("three", generator)):
        found = read_trajectory(*write(rows, tmp_path / name, order))
        frame = onsets(found, draws=20, seed=0)
        shuffled = frame.sample(frac=1, random_state=0) if name == "three" else frame
        write_table(shuffled, ONSETS, tmp_path / f"{name}.parquet")
    files = {(tmp_path / f"{name}.parquet").read_bytes() for name in ("one", "two", "three")}
    assert len(files) == 1


def test_draws_in_which_a_curve_nowhere_accelerates_are_left_out():
    # Most sentences turn, one rises evenly, and one draw in 27 has that one alone.
    even = 0.2 + 0.03 * (log_step(STEPS) - log_step(STEPS)[0])
    curves = planted(STEPS, even, 5.0, seeds=1, sentences=3)
    uas = curves.sums["uas"].copy()
    uas[:2] = 50 * (0.2 + 0.5 * sigmoid(STEPS, STRUCTURE))
    curves = replace(curves, sums=curves.sums | {"uas": uas})
    at = onset(STEPS, resample(curves, draws=30, seed=1).curves["uas"][:, 0])
    assert 0 < np.isnan(at).sum() < 15
    row = by_metric(onsets(curves, draws=30, seed=1)).loc["structure_onset"]
    assert list(row[["low", "high"]]) == pytest.approx([np.nanmin(at), np.nanmax(at)])
