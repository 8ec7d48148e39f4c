"""The claims about syntactic attention, on curves that bear them out and on curves that don't."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_sas_claims import CENTRE, STEPS, as_published, ending, judged, together
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

from ontogeny.errors import TableError
from ontogeny.results.claims import CLAIM_COLUMNS, read_claims, write_claims
from ontogeny.results.milestones import log_step
from ontogeny.studies.sas.claims import CLAIMS, evidence
from ontogeny.studies.sas.interventions import Intervention
from ontogeny.studies.sas.trajectories import read_trajectory

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
        "none": (as_published(np.random.default_rng(0), sentences=40), NONE, None),
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
    away = {"drop": 20_000, "capability": 40, "break_at": planted_onset(CENTRE) * 20}
    late = as_published(np.random.default_rng(0), **away, seeds=6)
    even = 0.2 + 0.5 * np.linspace(0, 1, len(STEPS))
    cases = {
        "1a 2 6a 6b 6c 6d": (late, NONE, None),
        "1b": (planted(STEPS, even, 9 - even, sentences=300, generator=generator), NONE, None),
        "3a 3b": (ending(generator, 0.68, 4.0, 0.9), SUPPRESSED, baseline),
        "4a 4b 4c": (ending(generator, 0.6, 3.5, 0.99), PROMOTED, baseline),
        "5": (ending(generator, 0.7, 4.2, 0.85), EARLY, baseline),
    }
    for names, (run, intervention, other) in cases.items():
        found = judged(run, intervention, other).loc[names.split(), "verdict"]
        assert set(found) == {"not replicated"}, found


def test_seeds_as_published_beside_as_many_the_other_way_round_decide_nothing():
    late = as_published(drop=20_000, capability=40, break_at=planted_onset(CENTRE) * 20, seeds=2)
    cases = {
        "1a 2 6a 6b 6c 6d": (as_published(seeds=2), late, NONE),
        "3a 3b": (ending(None, 0.27, 5, 0.6, 2), ending(None, 0.68, 4, 0.9, 2), SUPPRESSED),
        "4a 4b 4c": (ending(None, 0.9, 4.3, 0.75, 2), ending(None, 0.6, 3.5, 0.95, 2), PROMOTED),
        "5": (ending(None, 0.65, 3.8, 0.85, 2), ending(None, 0.7, 4.2, 0.85, 2), EARLY),
    }
    baseline = ending(None, 0.7, 4.0, 0.85, seeds=4)
    for names, (one, other, intervention) in cases.items():
        compared = None if intervention is NONE else baseline
        found = judged(together(one, other), intervention, compared).loc[names.split()]
        # The mean of accuracies that rise long apart has two rises, and no one onset.
        assert found["verdict"].get("2", "insufficient data") == "insufficient data"
        found = found.drop("2", errors="ignore")
        assert set(found["verdict"]) == {"undecided"}, found[["value", "low", "high", "verdict"]]


def test_seeds_that_agree_at_every_step_decide_nothing_about_when():
    found = judged(as_published(seeds=6)).loc[["1a", "1b", "6a", "6b"]]
    assert (found["low"] == found["high"]).all()
    assert set(found["verdict"]) == {"insufficient data"}


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
    for seeds in (1, 2):
        generator = np.random.default_rng(2)
        baseline = ending(generator, 0.7, 4.0, 0.85, seeds=seeds)
        cases = [
            (as_published(np.random.default_rng(0), sentences=40, seeds=seeds), NONE, None),
            (ending(generator, 0.27, 5.0, 0.6, seeds=seeds), SUPPRESSED, baseline),
            (ending(generator, 0.9, 4.3, 0.75, seeds=seeds), PROMOTED, baseline),
            (ending(generator, 0.65, 3.8, 0.85, seeds=seeds), EARLY, baseline),
        ]
        found = pd.concat([judged(*case) for case in cases])
        assert set(found["seeds"]) == {seeds}
        few = found["verdict"] == "insufficient data"
        if seeds == 1:
            assert few.all()
        else:  # or seeds that agree entirely
            assert list(found.index[few & (found["low"] < found["high"])]) == ["5"]


@pytest.mark.parametrize(
    ("steps", "short"),
    [((0, 10, 100, 1000), IDS["none"]), ((0, 1, 10, 100, 1000, 10_000), IDS["none"][3:])],
    ids=["four steps", "six steps"],
)
def test_too_few_steps_are_insufficient_data(steps, short):
    found = judged(as_published(steps=np.array(steps), capability=3000, drop=CENTRE))
    assert list(found.index[found["value"].isna()]) == short
    assert set(found.loc[short, "verdict"]) == {"insufficient data"}


def test_structure_that_never_comes_has_no_place_and_is_not_abrupt():
    run = planted(STEPS, 0.3, 9 - 5 * sigmoid(STEPS, CENTRE), 0.6, intrinsic_dimension=5.0)
    found = judged(run)
    assert list(found.index) == ["1a", "1b", "2", "6a", "6c"]  # the Fisher trace was not measured
    assert set(found["verdict"]) == {"insufficient data"}
    assert list(found.index[found["value"].notna()]) == ["1b"]
    assert found.loc["1b", ["value", "low", "high"]].tolist() == [0] * 3


def test_what_ends_no_higher_than_it_began_has_no_onset_to_compare():
    passing = sigmoid(STEPS, CENTRE) - 1.1 * sigmoid(STEPS, 8000)
    loss = 9 - 5 * sigmoid(STEPS, CENTRE)
    lasting = 0.3 + 0.3 * sigmoid(STEPS, CENTRE)
    forgets = planted(STEPS, lasting, loss, 0.5 + 0.3 * passing, intrinsic_dimension=loss)
    loses = planted(STEPS, 0.3 + 0.2 * passing, loss, lasting, intrinsic_dimension=loss)
    for run, names in ((forgets, ["2", "6c"]), (loses, ["1a", "2", "6a"])):
        found = judged(run)
        assert list(found.index[found["value"].isna()]) == names
        assert set(found.loc[names, "verdict"]) == {"insufficient data"}


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
    assert found.loc["1a", "low"] > -0.5  # within the window
    assert found.loc["6b", ["value", "low", "high"]].tolist() == [0.5] * 3
    early = planted(steps, 0.2 + 0.5 * sigmoid(steps, 250, 0.2), loss, fisher_trace=fisher)
    found = judged(early)
    assert found.loc["1a", "high"] < -0.5
    assert np.isnan(found.loc["6b", "value"])  # it bends where no bend can be told


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
    assert row["verdict"] == "undecided"


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
    verdicts = pd.concat(verdicts, axis=1)
    replicated = (verdicts == "replicated").mean(axis=1)
    assert (replicated <= 0.2).all(), replicated
    assert replicated.mean() < 0.08, replicated
    # The truth lies at the threshold: to refute is as wrong as to bear out.
    at_threshold = verdicts.loc[["3b", "4a", "5"]]
    refuted = (at_threshold == "not replicated").mean(axis=1)
    assert (refuted <= 0.2).all(), refuted
    assert ((at_threshold == "undecided").mean(axis=1) >= 0.6).all()


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
