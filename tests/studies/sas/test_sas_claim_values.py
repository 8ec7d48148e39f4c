"""The numbers behind the claims about syntactic attention: values and intervals, by loops."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_sas_claims import STEPS, as_published, ending, judged
from planted_trajectories import EARLY, NONE, PROMOTED, SUPPRESSED, planted
from scipy import stats

from ontogeny.results.milestones import local_derivatives, log_step, steepest_drop
from ontogeny.results.onsets import onset
from ontogeny.studies.sas.resampling import resample
from ontogeny.studies.sas.trajectories import TOTALS


def gaps_to(step):
    """Gaps of the schedule from step 0 to a step, by its logarithm."""
    after = np.flatnonzero(step < STEPS)[0]
    before = STEPS[after - 1]
    return after - 1 + np.log(step / before) / np.log(STEPS[after] / before)


def slow_values(run, baseline, control, draws, seed):
    """Each statistic in each draw, by loops and by its definition in words."""
    mine, other, random = (
        resample(one, draws=draws, seed=seed) for one in (run, baseline, control)
    )
    x, found = log_step(STEPS), []
    bends, after = {}, STEPS[1:]  # without step 0
    # What a value that is off by one does to the bend at each step.
    errors = [local_derivatives(after, unit)[1] for unit in np.eye(len(after))]
    for name, curves in run.of_model.items():
        curves = np.log(curves) if name == "fisher_trace" else curves
        for s, curve in enumerate(curves):
            acceleration = local_derivatives(after, curve[1:])[1]
            for t in range(2, len(after) - 2):
                error = np.sqrt(sum(by_one[t] ** 2 for by_one in errors))
                slope = local_derivatives(after, curve[1:])[0][t]
                falls = slope + acceleration[t] * np.log(after[t + 1] / after[t]) / 2 < 0
                bends[name, s, t] = -acceleration[t] / error, falls
    for draw, weights in enumerate(mine.seed_weights):
        drawn = [s for s, weight in enumerate(weights) for _ in range(weight)]

        def mean(curves, name, draw=draw, drawn=drawn):
            return np.mean([curves.curves[name][draw, s] for s in drawn], axis=0)

        uas, loss, accuracy = (mean(mine, name) for name in ("uas", "loss", "accuracy"))
        places = list(after)
        rise, _, _ = steepest_drop(after, -uas[1:])
        _, first, last = steepest_drop(after, loss[1:])
        row = {
            "1a": min(
                places.index(rise) - places.index(first), places.index(last) - places.index(rise)
            )
        }
        steep = []
        for s in drawn:
            others = [mine.curves["uas"][draw, o] for o in range(len(weights)) if o != s]
            slopes = local_derivatives(STEPS, np.mean(others, axis=0), neighbours=1)[0]
            own = local_derivatives(STEPS, mine.curves["uas"][draw, s], neighbours=1)[0]
            steep.append(own[int(np.nanargmax(slopes))])
        row["1b"] = np.mean(steep) / ((uas[-1] - uas[0]) / (x[-1] - x[0]))
        row["2"] = gaps_to(onset(STEPS, accuracy)) - gaps_to(onset(STEPS, uas))
        for number, name, rising in (
            ("6a", "intrinsic_dimension", "uas"),
            ("6b", "fisher_trace", "uas"),
            ("6c", "intrinsic_dimension", "accuracy"),
            ("6d", "fisher_trace", "accuracy"),
        ):
            shares = []
            for s in drawn:
                step = onset(STEPS, mine.curves[rising][draw, s])
                at = int(np.abs(np.log(after / step)).argmin())
                rest = [bends[name, s, t][0] for t in range(2, len(after) - 2) if t != at]
                own, falls = bends[name, s, at]
                shares.append(np.mean([bend < own for bend in rest]) if falls else 0)
            row[number] = np.mean(shares)
        own, theirs, randoms = (mean(one, "uas_held_out") for one in (mine, other, random))
        rises = [curve[-1] - curve[0] for curve in (own, randoms, theirs)]
        row["3a"] = (rises[0] - rises[1]) / rises[2]
        row["3b"] = accuracy[-1] - mean(random, "accuracy")[-1]
        row["3c"] = row["5a"] = loss[-1] - mean(random, "loss")[-1]
        row["4a"] = own[-1] - theirs[-1]
        ratios = [
            mine.curves["loss"][draw, s, -1] / other.curves["loss"][draw, s, -1] for s in drawn
        ]
        row["4b"] = np.mean(ratios) - 1
        row["4c"] = accuracy[-1] - mean(other, "accuracy")[-1]
        for number, name in (("4d", "uas"), ("4e", "accuracy")):
            later, first = (onset(STEPS, mean(one, name)) for one in (mine, other))
            row[number] = np.log2(later / first)
        found.append(row)
    return pd.DataFrame(found)


def of_seeds(run, baseline, control):
    """The differences seed by seed that Student's t is taken of, by claim."""
    curves = [
        {name: one.sums[name].sum(0) / one.totals[total].sum(0) for name, total in TOTALS.items()}
        for one in (run, baseline, control)
    ]
    for one, found in zip((run, baseline, control), curves, strict=True):
        by_paradigm = [one.correct[one.paradigm == p].mean(axis=0, dtype=float) for p in range(6)]
        found["accuracy"] = np.mean(by_paradigm, axis=0)
    last = [{name: curve[:, -1] for name, curve in found.items()} for found in curves]
    rise = [found["uas_held_out"][:, -1] - found["uas_held_out"][:, 0] for found in curves]
    return {
        "3a": (rise[0] - rise[2]) / rise[1].mean(),
        "3b": last[0]["accuracy"] - last[2]["accuracy"],
        "3c": last[0]["loss"] - last[2]["loss"],
        "4a": last[0]["uas_held_out"] - last[1]["uas_held_out"],
        "4b": last[0]["loss"] / last[1]["loss"] - 1,
        "4c": last[0]["accuracy"] - last[1]["accuracy"],
        "5a": last[0]["loss"] - last[2]["loss"],
    }


@pytest.mark.slow
def test_values_and_intervals_are_those_of_a_slow_computation():
    generator = np.random.default_rng(3)
    run, baseline, control = (as_published(generator, sentences=60) for _ in range(3))
    slow = slow_values(run, baseline, control, draws=41, seed=5)
    by_seed = of_seeds(run, baseline, control)
    for intervention in (NONE, SUPPRESSED, PROMOTED, EARLY):
        found = judged(run, intervention, baseline, 2, draws=41, seed=5, control=control)
        for name in found.index.drop(["7a", "7b"], errors="ignore"):
            value, *redrawn = slow[name]
            # Of 41 draws, one on each side is left out at 95%, none at 97.5%.
            left_out = 1 if intervention is NONE else 0
            redrawn = sorted(redrawn)
            low, high = min(value, redrawn[left_out]), max(value, redrawn[-1 - left_out])
            if name in by_seed:
                student = stats.ttest_1samp(by_seed[name], 0).confidence_interval(0.975)
                low, high = min(low, student.low), max(high, student.high)
            assert list(found.loc[name, ["value", "low", "high"]]) == pytest.approx(
                [value, low, high]
            ), name


def test_early_suppression_has_a_wider_interval_the_more_runs_had_a_chance():
    generator = np.random.default_rng(4)
    run, baseline = (ending(generator, 0.7, loss, 0.8, seeds=6) for loss in (3.99, 4.0))
    widths = []
    for rivals in (1, 2, 8):
        row = judged(run, EARLY, baseline, rivals, draws=400).loc["5a"]
        widths.append(row["high"] - row["low"])
    assert widths[0] < widths[1] < widths[2]
    assert "Bonferroni" in row["statistic"]


def test_a_gain_that_is_the_same_in_every_sentence_and_seed_has_no_interval():
    generator = np.random.default_rng(5)
    baseline = ending(generator, 0.6, 4.0, 0.8, seeds=4, spread=0.05)
    edges, predictions = (baseline.totals[name] for name in ("edges", "predictions"))
    better = baseline.sums | {
        "uas_held_out": baseline.sums["uas_held_out"] + 0.125 * edges,
        "loss": baseline.sums["loss"] - 0.25 * predictions,
    }
    run = replace(baseline, sums=better, run="better")
    promoted, early = (judged(run, what, baseline) for what in (PROMOTED, EARLY))
    assert promoted.loc["4a", ["value", "low", "high"]].tolist() == pytest.approx([0.125] * 3)
    assert promoted.loc["4c", ["value", "low", "high"]].tolist() == [0] * 3
    assert early.loc["5a", ["value", "low", "high"]].tolist() == pytest.approx([-0.25] * 3)
    assert promoted.loc["4b", "verdict"] == "not replicated"  # 6% better, as shares that differ
    assert set(promoted.loc[["4a", "4c"], "verdict"]) == {"insufficient data"}


def test_an_even_rise_is_not_steeper_anywhere_than_on_the_whole_whatever_the_noise():
    generator = np.random.default_rng(6)
    even = (log_step(STEPS) - log_step(STEPS)[0]) / np.ptp(log_step(STEPS))
    values, naive = [], []
    for _ in range(30):
        noisy = 0.2 + 0.3 * even + generator.normal(0, 0.05, (3, len(STEPS)))
        values.append(judged(planted(STEPS, noisy, 5.0), draws=2).loc["1b", "value"])
        slopes = local_derivatives(STEPS, noisy.mean(axis=0), neighbours=1)[0]
        naive.append(np.nanmax(slopes) / (0.3 / np.ptp(log_step(STEPS))))
    assert abs(np.mean(values) - 1) < 3 * np.std(values) / np.sqrt(len(values))
    assert np.mean(naive) > 2  # the steepest of all slopes would make the claim
