"""The claims about syntactic attention, on curves that bear them out and on curves that don't."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_sas_claims import CENTRE, STEPS, as_published, ending, judged
from planted_trajectories import (
    EARLY,
    NONE,
    PROMOTED,
    SUPPRESSED,
    planted,
    planted_onset,
    rows_of,
    sigmoid,
    write,
)

from ontogeny.claims import CLAIM_COLUMNS, read_claims, write_claims
from ontogeny.errors import TableError
from ontogeny.milestones import local_derivatives, log_step, onset, steepest_drop
from ontogeny.sas.claims import CLAIMS, evidence
from ontogeny.sas.interventions import Intervention
from ontogeny.sas.resampling import resample
from ontogeny.sas.trajectories import read_trajectory

IDS = {
    "none": ["1a", "1b", "2", "6a", "6b", "6c", "6d"],
    "suppressed": ["3a", "3b"],
    "promoted": ["4a", "4b", "4c"],
    "suppressed early": ["5"],
    "other": [],
}


def test_everything_planted_as_published_is_replicated():
    generator = np.random.default_rng(0)
    baseline = ending(generator, 0.7, 4.0, 0.85)
    cases = {
        "none": (as_published(generator), NONE, None),
        "suppressed": (ending(generator, 0.27, 5.0, 0.6), SUPPRESSED, baseline),
        "promoted": (ending(generator, 0.9, 4.3, 0.75), PROMOTED, baseline),
        "suppressed early": (ending(generator, 0.65, 3.8, 0.85), EARLY, baseline),
    }
    for kind, (run, intervention, other) in cases.items():
        found = judged(run, intervention, other)
        assert list(found.index) == IDS[kind]
        assert set(found["verdict"]) == {"replicated"}, found[["value", "low", "high", "verdict"]]
        assert list(found.columns) == [column.name for column in CLAIM_COLUMNS]
        assert set(found["seeds"]) == {3}


def test_everything_planted_the_other_way_round_is_not():
    generator = np.random.default_rng(1)
    baseline = ending(generator, 0.7, 4.0, 0.85)
    late = as_published(generator, drop=20_000, capability=40, break_at=planted_onset(CENTRE) * 20)
    even = 0.2 + 0.5 * np.linspace(0, 1, len(STEPS))
    cases = {
        "1a 2 6a 6b 6c 6d": (late, NONE, None),
        "1b": (planted(STEPS, even, 9 - even, generator=generator), NONE, None),
        "3a 3b": (ending(generator, 0.68, 4.0, 0.9), SUPPRESSED, baseline),
        "4a 4b 4c": (ending(generator, 0.6, 3.5, 0.95), PROMOTED, baseline),
        "5": (ending(generator, 0.7, 4.2, 0.85), EARLY, baseline),
    }
    for names, (run, intervention, other) in cases.items():
        found = judged(run, intervention, other).loc[names.split(), "verdict"]
        assert set(found) == {"not replicated"}, found


def test_each_intervention_has_its_claims_and_capability_only_where_there_are_pairs():
    run = as_published()
    loss = 9 - 5 * sigmoid(STEPS, CENTRE)
    complexity = {"intrinsic_dimension": loss, "fisher_trace": loss}
    mute = planted(STEPS, 0.25 + 0.5 * sigmoid(STEPS, CENTRE), loss, **complexity)
    for kind, ids in IDS.items():
        intervention = Intervention(kind, 100 if kind == "suppressed early" else None)
        other = None if kind == "none" else run
        assert list(judged(run, intervention, other, draws=5).index) == ids
        silent = [name for name in ids if name not in ("2", "3b", "4c", "6c", "6d")]
        other = None if kind == "none" else mute
        assert list(judged(mute, intervention, other, draws=5).index) == silent


@pytest.mark.parametrize("intervention", [SUPPRESSED, PROMOTED, EARLY], ids=str)
def test_a_run_without_a_baseline_is_insufficient_data(intervention):
    found = judged(as_published(), intervention)
    assert list(found.index) == IDS[intervention.kind]
    assert set(found["verdict"]) == {"insufficient data"}
    assert found[["value", "low", "high"]].isna().all(axis=None)


def test_one_seed_is_insufficient_data_and_so_are_two_where_any_of_several_runs_would_do():
    generator = np.random.default_rng(2)
    for seeds in (1, 2):
        baseline = ending(generator, 0.7, 4.0, 0.85, seeds=seeds)
        cases = [
            (as_published(generator, seeds=seeds), NONE, None),
            (ending(generator, 0.27, 5.0, 0.6, seeds=seeds), SUPPRESSED, baseline),
            (ending(generator, 0.9, 4.3, 0.75, seeds=seeds), PROMOTED, baseline),
            (ending(generator, 0.65, 3.8, 0.85, seeds=seeds), EARLY, baseline),
        ]
        found = pd.concat([judged(*case) for case in cases])
        assert set(found["seeds"]) == {seeds}
        few = found["verdict"] == "insufficient data"
        assert list(found.index[few]) == (list(found.index) if seeds == 1 else ["5"])


@pytest.mark.parametrize(
    ("steps", "short"),
    [((0, 10, 100, 1000), IDS["none"]), ((0, 1, 10, 100, 1000, 10_000), IDS["none"][3:])],
    ids=["four steps", "six steps"],
)
def test_too_few_steps_are_insufficient_data(steps, short):
    found = judged(as_published(steps=np.array(steps), capability=3000, drop=CENTRE))
    assert list(found.index[found["verdict"] == "insufficient data"]) == short


def test_structure_that_never_comes_has_no_place_and_is_not_abrupt():
    run = planted(STEPS, 0.3, 9 - 5 * sigmoid(STEPS, CENTRE), 0.6, intrinsic_dimension=5.0)
    found = judged(run)
    assert list(found.index) == ["1a", "1b", "2", "6a", "6c"]  # the Fisher trace was not measured
    assert set(found.drop("1b")["verdict"]) == {"insufficient data"}
    assert found.loc["1b", ["value", "verdict"]].tolist() == [0, "not replicated"]


def test_what_ends_no_higher_than_it_began_has_no_onset_to_compare():
    passing = sigmoid(STEPS, CENTRE) - 1.1 * sigmoid(STEPS, 8000)
    loss = 9 - 5 * sigmoid(STEPS, CENTRE)
    lasting = 0.3 + 0.3 * sigmoid(STEPS, CENTRE)
    forgets = planted(STEPS, lasting, loss, 0.5 + 0.3 * passing, intrinsic_dimension=loss)
    loses = planted(STEPS, 0.3 + 0.2 * passing, loss, lasting, intrinsic_dimension=loss)
    found = judged(forgets)["verdict"]
    assert set(found[["2", "6c"]]) == {"insufficient data"}
    assert found["6a"] != "insufficient data"
    found = judged(loses)["verdict"]
    assert set(found[["1a", "2", "6a"]]) == {"insufficient data"}
    assert found["6c"] != "insufficient data"


def test_a_loss_that_falls_evenly_has_no_window_that_a_rise_could_miss():
    even = log_step(STEPS) / log_step(STEPS)[-1]
    found = judged(planted(STEPS, 0.2 + 0.5 * sigmoid(STEPS, CENTRE), 9 - even))
    assert found.loc["1a", "verdict"] == "insufficient data"


def test_a_baseline_that_never_rises_says_nothing_about_suppression():
    flat = planted(STEPS, 0.3, 5.0)
    assert judged(flat, SUPPRESSED, flat).loc["3a", "verdict"] == "insufficient data"


def test_what_the_first_updates_do_is_neither_a_drop_nor_a_break():
    # The schedule leaps from step 0 to step 100, and with it the loss and the Fisher trace.
    steps = np.r_[0, np.geomspace(100, 100_000, 16).astype(int)]
    leap = np.where(steps == 0, 5.0, 0.0)
    late, fisher = sigmoid(steps, 3000), np.exp(9 - 0.05 * log_step(steps) + leap)
    loss = 7 - 3 * late + leap
    run = planted(steps, 0.2 + 0.5 * late, loss, fisher_trace=fisher)
    found = judged(run)
    assert found.loc["1a", "verdict"] == "replicated"
    assert found.loc["6b", ["value", "low", "high"]].tolist() == [0.5] * 3
    early = planted(steps, 0.2 + 0.5 * sigmoid(steps, 250, 0.2), loss, fisher_trace=fisher)
    found = judged(early)
    assert found.loc["1a", "verdict"] == "not replicated"
    assert found.loc["6b", "verdict"] == "insufficient data"  # it bends where no bend can be told


def test_a_draw_that_leaves_a_statistic_undefined_is_evidence_for_neither_side():
    # One sentence shows the baseline's rise; in draws of the other alone it falls.
    rising, falling = (
        planted(STEPS, 0.4 + change * sigmoid(STEPS, CENTRE), 5.0, sentences=1)
        for change in (0.5, -0.1)
    )
    sums, totals = (
        {
            name: np.concatenate([getattr(one, part)[name] for one in (rising, falling)])
            for name in getattr(rising, part)
        }
        for part in ("sums", "totals")
    )
    baseline = replace(rising, sums=sums, totals=totals, sentences=np.arange(2))
    row = judged(planted(STEPS, 0.4, 5.0, sentences=2), SUPPRESSED, baseline).loc["3a"]
    assert row[["value", "low", "high"]].tolist() == [0, 0, 0.25]
    assert row["verdict"] == "not replicated"


def test_runs_that_cannot_be_compared_one_by_one_are_refused():
    run = as_published()
    for what, baseline in {
        "seeds": replace(run, seeds=run.seeds + 1),
        "steps": replace(run, steps=run.steps + 1),
        "sentences": replace(run, sentences=run.sentences[::-1]),
        "minimal pairs": replace(run, pair=run.pair[::-1]),
        "corpus": replace(run, corpus="other"),
    }.items():
        with pytest.raises(TableError, match=f"run and its baseline plain .* same {what}"):
            evidence(run, replace(baseline, run="plain"), SUPPRESSED, draws=2, seed=0)


def slow_values(run, baseline, draws, seed):
    """Each statistic in each draw, by loops and by its definition in words."""
    mine, other = (resample(one, draws=draws, seed=seed) for one in (run, baseline))
    x, found = log_step(STEPS), []
    bends, after = {}, STEPS[1:]  # without step 0
    # What a value that is off by one does to the bend at each step.
    errors = [local_derivatives(after, unit)[1] for unit in np.eye(len(after))]
    for name, curves in run.complexity.items():
        curves = np.log(curves) if name == "fisher_trace" else curves
        for s, curve in enumerate(curves):
            acceleration = local_derivatives(after, curve[1:])[1]
            for t in range(2, len(after) - 2):
                error = np.sqrt(sum(by_one[t] ** 2 for by_one in errors))
                bends[name, s, t] = abs(acceleration[t]) / error
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
        row["2"] = np.log2(onset(STEPS, accuracy)) - np.log2(onset(STEPS, uas))
        for number, name, rising in (
            ("6a", "intrinsic_dimension", "uas"),
            ("6b", "fisher_trace", "uas"),
            ("6c", "intrinsic_dimension", "accuracy"),
            ("6d", "fisher_trace", "accuracy"),
        ):
            shares = []
            for s in drawn:
                at = places.index(onset(STEPS, mine.curves[rising][draw, s]))
                rest = [bends[name, s, t] for t in range(2, len(after) - 2) if t != at]
                shares.append(np.mean([bend < bends[name, s, at] for bend in rest]))
            row[number] = np.mean(shares)
        own, theirs = mean(mine, "uas_held_out"), mean(other, "uas_held_out")
        row["3a"] = (own[-1] - own[0]) / (theirs[-1] - theirs[0])
        row["3b"] = row["4c"] = accuracy[-1] - mean(other, "accuracy")[-1]
        row["4a"] = own[-1] - theirs[-1]
        row["4b"] = (loss[-1] - mean(other, "loss")[-1]) / mean(other, "loss")[-1]
        row["5"] = loss[-1] - mean(other, "loss")[-1]
        found.append(row)
    return pd.DataFrame(found)


def test_values_and_intervals_are_those_of_a_slow_computation():
    generator = np.random.default_rng(3)
    run, baseline = (as_published(generator, sentences=60) for _ in range(2))
    slow = slow_values(run, baseline, draws=41, seed=5)
    for intervention in (NONE, SUPPRESSED, PROMOTED, EARLY):
        found = judged(run, intervention, baseline, staged=2, draws=41, seed=5)
        for name in found.index:
            value, *redrawn = slow[name]
            # Of 41 draws, one on each side is left out at 95%, none at 97.5%.
            left_out = 0 if name == "5" else 1
            redrawn = sorted(redrawn)
            low, high = min(value, redrawn[left_out]), max(value, redrawn[-1 - left_out])
            assert list(found.loc[name, ["value", "low", "high"]]) == pytest.approx(
                [value, low, high]
            ), name


def test_early_suppression_has_a_wider_interval_the_more_runs_had_a_chance():
    generator = np.random.default_rng(4)
    run, baseline = (ending(generator, 0.7, loss, 0.8, seeds=6) for loss in (3.99, 4.0))
    widths = []
    for staged in (1, 2, 8):
        row = judged(run, EARLY, baseline, staged, draws=400).loc["5"]
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
    assert early.loc["5", ["value", "low", "high"]].tolist() == pytest.approx([-0.25] * 3)
    assert promoted.loc["4b", "verdict"] == "not replicated"  # 6% better


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


def test_noise_bears_out_a_claim_no_more_often_than_intervals_allow():
    # Five seeds, and nothing to be found: the same law with and without intervention, and curves
    # of noise. 4b and 4c claim that nothing gets better, which is then true.
    generator = np.random.default_rng(8)
    verdicts = []
    for _ in range(25):
        shape = 5, len(STEPS)
        noise = planted(
            STEPS,
            0.4 + generator.normal(0, 0.02, shape),
            6 + generator.normal(0, 0.05, shape),
            0.6 + generator.normal(0, 0.02, shape),
            seeds=5,
            generator=generator,
            intrinsic_dimension=10 + generator.normal(size=shape),
            fisher_trace=np.exp(generator.normal(size=shape)),
        )
        run, baseline = (
            ending(generator, 0.6, 4.0, 0.8, seeds=5, sentences=30, spread=0.02) for _ in range(2)
        )
        found = [judged(noise)]
        for intervention in (SUPPRESSED, PROMOTED, EARLY):
            found.append(judged(run, intervention, baseline, staged=2))
        verdicts.append(pd.concat(found)["verdict"].drop(["4b", "4c"]))
    replicated = (pd.concat(verdicts, axis=1) == "replicated").mean(axis=1)
    assert (replicated <= 0.2).all(), replicated
    assert replicated.mean() < 0.08, replicated


def test_rows_in_any_order_give_the_same_bytes(tmp_path):
    generator = np.random.default_rng(9)
    details = {"sentences": 12, "paradigms": (9, 4)}
    runs = [rows_of(as_published(generator, **details)) for _ in range(2)]
    for name, order in (("one", None), ("two", generator)):
        tables = []
        for number, rows in enumerate(runs):
            paths = write(rows, tmp_path / f"{name}-{number}", order)
            tables.append(read_trajectory(*paths))
        claims = [judged(tables[0]), judged(tables[0], SUPPRESSED, tables[1])]
        write_claims(pd.concat(claims, ignore_index=True), tmp_path / f"{name}.tsv")
    assert (tmp_path / "one.tsv").read_bytes() == (tmp_path / "two.tsv").read_bytes()
    assert len(read_claims(tmp_path / "one.tsv")) == len(IDS["none"] + IDS["suppressed"])


def test_every_claim_has_its_own_number_and_belongs_to_one_kind_of_run():
    numbers = [claim.id.removeprefix("sas.") for claim in CLAIMS]
    assert sorted(numbers) == sorted(number for ids in IDS.values() for number in ids)
    assert all(claim.seeds >= 2 for claim in CLAIMS)
