"""The claims about syntactic attention, on curves that bear them out and on curves that don't."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_sas_claims import CENTRE, STEPS, as_published, ending, judged, together
from planted_trajectories import (
    EARLY,
    LATE,
    NONE,
    PROMOTED,
    SUPPRESSED,
    log_spaced,
    planted,
    planted_onset,
    rows_of,
    sigmoid,
    write,
)
from scipy.stats import spearmanr

from ontogeny.errors import TableError
from ontogeny.results.claims import CLAIM_COLUMNS, read_claims, write_claims
from ontogeny.results.milestones import log_step
from ontogeny.studies.sas.claims import CLAIMS, evidence
from ontogeny.studies.sas.evidence import Evidence, paired
from ontogeny.studies.sas.interventions import Intervention
from ontogeny.studies.sas.resampling import resample
from ontogeny.studies.sas.trajectories import read_trajectory

IDS = {
    "none": ["1a", "1b", "2", "6a", "6b", "6c", "6d", "7a", "7b"],
    "suppressed": ["3a", "3b", "3c"],
    "promoted": ["4a", "4b", "4c", "4d", "4e"],
    "suppressed early": ["5a"],
    "suppressed late": ["5b"],
    "control": [],
    "other": [],
}


TIMING = IDS["none"][:-2]


def test_everything_planted_as_published_is_replicated():
    generator = np.random.default_rng(0)
    baseline = ending(generator, 0.7, 4.0, 0.85, seeds=6)
    early = 0.4  # of the steps until the baseline rises
    cases = {
        "none": (as_published(np.random.default_rng(0), sentences=40), NONE, None),
        "suppressed": (ending(generator, 0.27, 5.0, 0.6, seeds=6), SUPPRESSED, baseline),
        "promoted": (ending(generator, 0.9, 4.3, 0.75, seeds=6, pace=early), PROMOTED, baseline),
        "suppressed early": (ending(generator, 0.65, 3.8, 0.85, seeds=6), EARLY, baseline),
        "suppressed late": (ending(generator, 0.65, 4.2, 0.85, seeds=6), LATE, baseline),
    }
    for kind, (run, intervention, other) in cases.items():
        found = judged(run, intervention, other)
        assert list(found.index) == IDS[kind]
        found = found.drop(["7a", "7b"], errors="ignore")
        assert set(found["verdict"]) == {"replicated"}, found[["value", "low", "high", "verdict"]]
        assert list(found.columns) == [column.name for column in CLAIM_COLUMNS]
        assert set(found["seeds"]) == {len(run.seeds)}


def test_everything_planted_the_other_way_round_is_not():
    generator = np.random.default_rng(1)
    baseline = ending(generator, 0.7, 4.0, 0.85, seeds=6)
    away = {"drop": 20_000, "capability": 40, "break_at": planted_onset(CENTRE) * 20}
    late = as_published(np.random.default_rng(0), **away, seeds=6)
    even = 0.2 + 0.5 * np.linspace(0, 1, len(STEPS))
    slow = ending(generator, 0.6, 3.5, 0.99, seeds=6, pace=3)
    cases = {
        "1a 2 6a 6b 6c 6d": (late, NONE, None),
        "1b": (planted(STEPS, even, 9 - even, sentences=300, generator=generator), NONE, None),
        "3a 3b 3c": (ending(generator, 0.68, 3.8, 0.98, seeds=6), SUPPRESSED, baseline),
        "4a 4b 4c 4d 4e": (slow, PROMOTED, baseline),
        "5a": (ending(generator, 0.7, 4.2, 0.85, seeds=6), EARLY, baseline),
        "5b": (ending(generator, 0.7, 3.8, 0.85, seeds=6), LATE, baseline),
    }
    for names, (run, intervention, other) in cases.items():
        found = judged(run, intervention, other).loc[names.split(), "verdict"]
        assert set(found) == {"not replicated"}, found


def test_what_random_edges_bring_as_well_is_not_about_syntax():
    generator = np.random.default_rng(2)
    baseline = ending(generator, 0.7, 4.0, 0.85, seeds=6)
    for intervention, ends in ((SUPPRESSED, (0.27, 5.0, 0.6)), (EARLY, (0.65, 3.8, 0.85))):
        run, control = (ending(generator, *ends, seeds=6) for _ in range(2))
        with_control = judged(run, intervention, baseline, control=control)
        without = judged(run, intervention, baseline)
        assert set(without["verdict"]) == {"replicated"}
        assert "replicated" not in set(with_control["verdict"])


def test_where_words_hardly_attend_to_words_there_is_no_verdict_on_syntax():
    generator = np.random.default_rng(3)
    baseline = ending(generator, 0.7, 4.0, 0.85, seeds=6)
    ends = 0.27, 5.0, 0.6
    for own, of_control, there in ((2.1, 4.0, True), (1.9, 4.0, False), (4.0, 1.9, False)):
        run = ending(generator, *ends, seeds=6, attention_between_words=own)
        control = replace(
            baseline, of_model={"attention_between_words": of_control + np.zeros((6, len(STEPS)))}
        )
        found = judged(run, SUPPRESSED, baseline, control=control)["verdict"]
        expected = "replicated" if there else "insufficient data"
        assert list(found[["3a", "3b", "3c"]]) == [expected, expected, "replicated"]


def test_suppression_is_long_if_it_lasts_past_the_baselines_onset():
    generator = np.random.default_rng(4)
    baseline, run = (ending(generator, 0.7, 4.0, 0.85, seeds=6) for _ in range(2))
    onset = planted_onset(CENTRE)
    for until, name in ((1.3 * onset, "5a"), (1.5 * onset, "5b")):
        found = judged(run, Intervention("suppressed early", int(until)), baseline)
        assert list(found.index) == [name]


def test_over_seeds_a_rank_correlation_has_the_interval_of_its_transform():
    generator = np.random.default_rng(5)
    seeds = 60
    luck = generator.normal(0, 0.05, (2, seeds, 1))
    for share, expected in ((0.0, "replicated"), (1.0, "not replicated")):
        uas = 0.4 + luck[0] + np.zeros(len(STEPS))
        loss = 5 - share * luck[0] - 0.2 * luck[1] + np.zeros(len(STEPS))
        run = planted(STEPS, uas, loss, seeds=seeds, sentences=3)
        row = judged(run, draws=2).loc["7a"]
        found = spearmanr(run.sums["uas_held_out"][0, :, -1], run.sums["loss"][0, :, -1]).statistic
        assert row["value"] == pytest.approx(abs(found))
        reach = 1.959964 * np.sqrt(1.06 / (seeds - 3))
        assert row["high"] == pytest.approx(np.tanh(np.arctanh(abs(found)) + reach), rel=1e-6)
        assert row["verdict"] == expected


def test_seeds_as_published_beside_as_many_the_other_way_round_decide_nothing():
    late = as_published(drop=20_000, capability=40, break_at=planted_onset(CENTRE) * 20, seeds=2)
    cases = {
        "1a 2 6a 6b 6c 6d": (as_published(seeds=2), late, NONE),
        "3a 3b 3c": (ending(None, 0.27, 5, 0.6, 3), ending(None, 0.9, 3.8, 0.9, 3), SUPPRESSED),
        "4a 4b 4c": (ending(None, 0.9, 4.3, 0.75, 3), ending(None, 0.6, 3.5, 0.95, 3), PROMOTED),
        "5a": (ending(None, 0.65, 3.8, 0.85, 3), ending(None, 0.7, 4.2, 0.85, 3), EARLY),
    }
    baseline = ending(None, 0.7, 4.0, 0.85, seeds=6)
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
        intervention = replace(intervention, like="suppressed" if kind == "control" else None)
        other = None if kind == "none" else run
        assert list(judged(run, intervention, other, draws=5).index) == ids
        silent = [n for n in ids if n not in ("2", "3b", "4c", "4e", "6c", "6d", "7b")]
        other = None if kind == "none" else mute
        assert list(judged(mute, intervention, other, draws=5).index) == silent


@pytest.mark.parametrize("intervention", [SUPPRESSED, PROMOTED, EARLY], ids=str)
def test_a_run_without_a_baseline_is_insufficient_data(intervention):
    found = judged(as_published(), intervention)
    assert list(found.index) == IDS[intervention.kind]
    assert set(found["verdict"]) == {"insufficient data"}
    assert found[["value", "low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_claims_want_two_seeds_and_about_interventions_three_or_six(seeds):
    generator = np.random.default_rng(2)
    baseline = ending(generator, 0.7, 4.0, 0.85, seeds=seeds)
    cases = [
        (as_published(np.random.default_rng(0), sentences=40, seeds=seeds), NONE, None),
        (ending(generator, 0.27, 5.0, 0.6, seeds=seeds), SUPPRESSED, baseline),
        (ending(generator, 0.9, 4.3, 0.75, seeds=seeds, pace=0.4), PROMOTED, baseline),
        (ending(generator, 0.65, 3.8, 0.85, seeds=seeds), EARLY, baseline),
        (ending(generator, 0.65, 4.2, 0.85, seeds=seeds), LATE, baseline),
    ]
    found = pd.concat([judged(*case) for case in cases])
    assert set(found["seeds"]) == {seeds}
    least = {"3": 3, "4": 3, "5": 6, "7": 6}
    wanted = found.index.map(lambda name: least.get(name[0], 2))
    few = found["verdict"] == "insufficient data"
    assert few[wanted > seeds].all()
    # Or seeds that agree entirely, or about one place of many.
    agree = (found["low"] == found["high"]) | (found["chance"] > 0.05)
    assert not few[(wanted <= seeds) & ~agree].any()


@pytest.mark.parametrize(
    ("steps", "short"),
    [((0, 10, 100, 1000), TIMING), ((0, 1, 10, 100, 1000, 10_000), TIMING[3:])],
    ids=["four steps", "six steps"],
)
def test_too_few_steps_are_insufficient_data(steps, short):
    found = judged(as_published(steps=np.array(steps), capability=3000, drop=CENTRE))
    found = found.loc[TIMING]
    assert list(found.index[found["value"].isna()]) == short
    assert set(found.loc[short, "verdict"]) == {"insufficient data"}


def test_structure_that_never_comes_has_no_place_and_is_not_abrupt():
    run = planted(STEPS, 0.3, 9 - 5 * sigmoid(STEPS, CENTRE), 0.6, intrinsic_dimension=5.0)
    found = judged(run)
    found = found.drop(["7a", "7b"])
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
        found = judged(run).drop(["7a", "7b"])
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
    flat = planted(STEPS, 0.4, 5.0, sentences=2)
    row = judged(flat, SUPPRESSED, baseline, control=flat).loc["3a"]
    assert row[["value", "low", "high"]].tolist() == [0, -0.25, 0]
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
        with pytest.raises(TableError, match=f"run and plain, which .* same {what}"):
            evidence(run, replace(baseline, run="plain"), SUPPRESSED, draws=2, seed=0)


def test_noise_bears_out_a_claim_about_when_no_more_often_than_intervals_allow():
    # Five seeds, and nothing to be found in curves of noise.
    generator = np.random.default_rng(8)
    steps = log_spaced(20)
    verdicts = []
    for _ in range(25):
        shape = 5, len(steps)
        noise = planted(
            steps,
            0.4 + generator.normal(0, 0.02, shape),
            6 + generator.normal(0, 0.05, shape),
            0.6 + generator.normal(0, 0.02, shape),
            seeds=5,
            generator=generator,
            intrinsic_dimension=10 + generator.normal(size=shape),
            fisher_trace=np.exp(generator.normal(size=shape)),
        )
        verdicts.append(judged(noise, draws=40)["verdict"])
    replicated = (pd.concat(verdicts, axis=1) == "replicated").mean(axis=1)
    assert (replicated <= 0.2).all(), replicated
    assert replicated.mean() < 0.08, replicated


@pytest.mark.parametrize(("seeds", "rivals"), [(3, 1), (6, 1), (6, 4)])
def test_noise_bears_out_what_interventions_bring_once_in_forty_times_and_less_with_rivals(
    seeds, rivals
):
    # The same law with and without intervention; and few draws, since seeds are what differs.
    generator = np.random.default_rng([9, seeds])
    differences = generator.normal(0, 1, (2000, seeds))
    run = resample(planted(log_spaced(4), 0.3, 5.0, seeds=seeds, sentences=1), draws=30, seed=0)
    data = Evidence(run, run, EARLY, rivals, run)
    below = 0
    for own in differences:
        found = paired(np.tile(own, (31, 1)), data, 0.0, level=1 - 0.05 / rivals)
        below += found.high < 0
    expected = 0.025 / rivals
    assert below / len(differences) < expected + 3 * np.sqrt(expected / len(differences))


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
