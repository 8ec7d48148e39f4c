"""Push-down numbers of planted heatmaps, and of random ones against a slow version."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_heatmaps import arriving, log_steps, planted, scores_of
from scipy import stats

from ontogeny.errors import TableError
from ontogeny.results.milestones import bootstrap_interval, crossed_weights, resampled_ratio
from ontogeny.results.tables import check, read_table, write_table
from ontogeny.studies.pushdown.answers import count_answers
from ontogeny.studies.pushdown.migration import (
    arrival_step,
    expected_layer,
    migration,
    migration_depth,
    shallowest_sufficient_layer,
    trend,
)
from ontogeny.studies.pushdown.resampling import resample, sufficient
from ontogeny.studies.pushdown.tables import MIGRATION


def numbers_of(scores, answers, **settings):
    """The push-down numbers of one run on one corpus."""
    return migration(resample(scores, count_answers(answers), **settings))


def rows_of(table, metric, task="upos", subset="all", seed=None):
    """The rows of one metric, in order of step and layer; those over all seeds if seed is None."""
    rows = table[(table["metric"] == metric) & (table["task"] == task)]
    rows = rows[rows["subset"] == subset]
    return rows[rows["seed"].isna() if seed is None else rows["seed"] == seed]


def numbers(table, metric, index=None, **where):
    rows = rows_of(table, metric, **where)
    return dict(zip(rows[index], rows["value"], strict=True)) if index else list(rows["value"])


# A task that arrives in the last of 4 layers at the third of 6 steps, and then in ever lower ones;
# the embeddings never get it.
FALLING = [9, 5, 4, 2]


def test_planted_push_down_is_found_step_by_step_and_layer_by_layer():
    scores, answers = planted({("upos", "all"): arriving([FALLING], steps=6)})
    table = numbers_of(scores, answers, seed=0, draws=20)
    for seed in (None, 0):
        shallowest = numbers(table, "shallowest_sufficient_layer", "step", seed=seed)
        assert shallowest == {2: 3, 4: 3, 8: 2, 16: 1}
        arrival = numbers(table, "arrival_step", "layer", seed=seed)
        assert arrival == {1: 16, 2: 8, 3: 2}
        assert numbers(table, "migration_depth", seed=seed) == [(4 + 4 + 3 + 3 + 2 + 1) / 6]
        expected = stats.spearmanr([3, 3, 2, 1], [1, 2, 3, 4]).statistic
        found = numbers(table, "shallowest_sufficient_layer_correlation", seed=seed)
        assert found == pytest.approx([expected])


def test_rows_over_seeds_are_means_and_arrival_a_mean_of_logs():
    heatmaps = arriving([[9, 5, 4, 2], [9, 5, 2, 2]], steps=6)
    scores, answers = planted({("upos", "all"): heatmaps})
    table = numbers_of(scores, answers, seed=0, draws=200)
    shallowest = numbers(table, "shallowest_sufficient_layer", "step")
    assert shallowest == {2: 2.5, 4: 2.5, 8: 2, 16: 1}
    arrival = numbers(table, "arrival_step", "layer")
    assert arrival == pytest.approx({1: 16, 2: np.sqrt((8 + 1) * (2 + 1)) - 1, 3: 2})
    ends = rows_of(table, "shallowest_sufficient_layer")[["low", "high"]].to_numpy().tolist()
    assert ends == [[2, 3], [2, 3], [2, 2], [1, 1]]


def test_rows_over_a_single_seed_repeat_the_seed():
    generator = np.random.default_rng(0)
    heatmaps = generator.uniform(0.3, 1, size=(20, 1, 5, 3))
    scores, answers = planted({("upos", "all"): heatmaps, ("deprel", "all"): heatmaps**2})
    table = numbers_of(scores, answers, seed=0, draws=50)
    over, one = (table[mask].drop(columns="seed") for mask in (table.seed.isna(), table.seed == 0))
    pd.testing.assert_frame_equal(over.reset_index(drop=True), one.reset_index(drop=True))


def test_no_row_over_seeds_where_one_seed_has_no_value():
    heatmaps = arriving([[9, 2], [1, 1]], steps=4)
    scores, answers = planted({("upos", "all"): heatmaps})
    table = numbers_of(scores, answers, seed=0, draws=10)
    assert numbers(table, "arrival_step", "layer") == pytest.approx({1: np.sqrt(3 * 2) - 1})
    assert numbers(table, "arrival_step", "layer", seed=1) == {0: 1, 1: 1}
    assert list(numbers(table, "shallowest_sufficient_layer", "step")) == [2, 4]


def test_tasks_are_ranked_by_depth_and_ties_share_the_mean_place():
    heatmaps = {
        ("entity", "all"): arriving([[1, 1, 1]], steps=5),
        ("upos", "all"): arriving([[3, 2, 2]], steps=5),
        ("xpos", "all"): arriving([[3, 2, 2]], steps=5),
        ("deprel", "all"): arriving([[4, 4, 4]], steps=5),
        ("upos", "unseen"): arriving([[4, 4, 4]], steps=5),
    }
    table = numbers_of(*planted(heatmaps), seed=0, draws=10)
    ranks = {task: numbers(table, "migration_rank", task=task)[0] for task, _ in heatmaps}
    assert ranks == {"entity": 1, "upos": 2.5, "xpos": 2.5, "deprel": 4}
    assert numbers(table, "migration_rank", subset="unseen") == [1]


def test_a_task_that_no_layer_gains_on_has_a_depth_past_the_last_layer_and_no_other_row():
    scores, answers = planted({("upos", "all"): np.full((1, 4, 3), 0.3)}, baseline=0.3)
    table = numbers_of(scores, answers, seed=0, draws=10)
    assert set(table["metric"]) == {"migration_depth", "migration_rank"}
    assert numbers(table, "migration_depth") == [3]


@pytest.mark.parametrize(
    "heatmap", [arriving([[0, 0, 0]], steps=6), arriving([[2, 1]], steps=3)], ids=["flat", "short"]
)
def test_no_correlation_of_a_constant_layer_or_of_two_steps(heatmap):
    table = numbers_of(*planted({("upos", "all"): heatmap}), seed=0, draws=10)
    assert len(rows_of(table, "shallowest_sufficient_layer"))
    assert not len(rows_of(table, "shallowest_sufficient_layer_correlation"))


def test_a_seed_that_stays_where_it_is_counts_as_no_trend_beside_one_that_falls():
    heatmaps = arriving([[5, 4, 3, 2], [0, 0, 0, 0]], steps=6)
    table = numbers_of(*planted({("upos", "all"): heatmaps}), seed=0, draws=400)
    row = rows_of(table, "shallowest_sufficient_layer_correlation").iloc[0]
    assert (row["value"], row["low"], row["high"]) == (-0.5, -1, 0)


def test_an_end_past_the_last_layer_or_step_is_null():
    # One of two kinds of sentences knows the answer only at the last step: whether the first layer
    # suffices there depends on the sentences drawn; the second does at once, whatever is drawn.
    heatmaps = np.full((40, 1, 2, 2), 0.9)
    heatmaps[:, 0, :, 0] = np.linspace(0.75, 0.99, 40)[:, None]
    heatmaps[:, 0, 0, 0] = 0.3
    table = numbers_of(*planted({("upos", "all"): heatmaps}), seed=0, draws=500, share=0.95)
    row = rows_of(table, "arrival_step").set_index("layer").loc[0]
    assert row["value"] == 1
    assert row["low"] == 1
    assert np.isnan(row["high"])


def test_a_draw_without_a_trend_counts_as_none():
    # The first layer suffices at the last step, or not, as sentences are drawn: then none moves.
    heatmaps = np.full((40, 1, 3, 2), 0.9)
    heatmaps[:, 0, :2, 0] = 0.3
    heatmaps[:, 0, 2, 0] = np.linspace(0.75, 0.99, 40)
    table = numbers_of(*planted({("upos", "all"): heatmaps}), seed=0, draws=500)
    fall = stats.spearmanr([1, 1, 0], [0, 1, 2]).statistic
    for seed in (None, 0):
        row = rows_of(table, "shallowest_sufficient_layer_correlation", seed=seed).iloc[0]
        assert (row["value"], row["low"], row["high"]) == pytest.approx((fall, fall, 0))


def test_all_information_in_one_layer_is_expected_in_that_layer():
    for layer in range(5):
        values = np.where(np.arange(5) >= layer, 0.9, 0.2)
        found = expected_layer(values[None, None], np.array([0.2]), np.arange(5))
        assert found == pytest.approx(layer)


def test_even_gains_are_expected_in_the_middle_and_losses_do_not_count():
    layers = np.arange(5)
    even = 0.2 + 0.1 * (1 + layers)  # the embeddings gain as much as each layer above
    assert expected_layer(even[None, None], np.array([0.2]), layers) == pytest.approx(2)
    dented = np.array([0.5, 0.4, 0.7, 0.6, 0.7])
    found = expected_layer(dented[None, None], np.array([0.4]), layers)
    assert found == pytest.approx((0 * 0.1 + 2 * 0.2) / 0.3)
    assert np.isnan(expected_layer(dented[None, None], np.array([0.7]), layers)).all()


heatmap = st.tuples(
    st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**16)
).map(lambda s: np.random.default_rng(s[3]).integers(0, 100, size=s[:3]).astype(float))


@given(heatmap, st.integers(0, 60))
def test_expected_layer_is_the_area_above_the_running_best(values, baseline):
    # By summation by parts: sum of l * gain(l) = sum over l < last of (best of all - best up to l).
    layers = np.arange(values.shape[-1])
    baselines = np.full(values.shape[0], float(baseline))
    running = np.maximum(np.maximum.accumulate(values, axis=-1), baseline)
    gain = running[..., -1] - baseline
    area = (running[..., -1:] - running).sum(axis=-1)
    slow = np.full(gain.shape, np.nan)
    slow[gain > 0] = area[gain > 0] / gain[gain > 0]
    np.testing.assert_allclose(expected_layer(values, baselines, layers), slow, atol=1e-12)


@given(heatmap, st.integers(0, 60), st.integers(1, 9), st.integers(-50, 50))
def test_numbers_stay_under_a_change_of_units(values, baseline, scale, shift):
    layers, steps = np.arange(values.shape[-1]), log_steps(values.shape[-2])
    baselines = np.full(values.shape[0], float(baseline))
    moved, moved_baselines = scale * values + shift, scale * baselines + shift
    before, after = (
        sufficient(v, b, 0.75) for v, b in ((values, baselines), (moved, moved_baselines))
    )
    np.testing.assert_array_equal(before, after)
    expected = [
        expected_layer(v, b, layers) for v, b in ((values, baselines), (moved, moved_baselines))
    ]
    np.testing.assert_allclose(*expected, atol=1e-12)
    shallowest = shallowest_sufficient_layer(before, layers)
    np.testing.assert_array_equal(trend(shallowest, steps), trend(shallowest, steps**2))


@given(heatmap, st.floats(0.1, 1), st.floats(0.1, 1))
def test_a_higher_share_is_reached_by_fewer_layers_later_and_deeper(values, one, other):
    layers, steps = np.arange(values.shape[-1]), log_steps(values.shape[-2])
    baselines = np.full(values.shape[0], 20.0)
    easy, hard = (sufficient(values, baselines, share) for share in sorted((one, other)))
    assert (easy | ~hard).all()
    assert (
        shallowest_sufficient_layer(easy, layers) <= shallowest_sufficient_layer(hard, layers)
    ).all()
    assert (arrival_step(easy, steps) <= arrival_step(hard, steps)).all()
    assert (migration_depth(easy, layers) <= migration_depth(hard, layers)).all()


@given(heatmap)
def test_the_best_place_always_suffices_if_it_beats_the_baseline(values):
    baselines = np.full(values.shape[0], 50.0)
    suffices = sufficient(values, baselines, 1.0)
    for seed in range(values.shape[0]):
        best = values[seed].max()
        np.testing.assert_array_equal(suffices[seed], (values[seed] == best) & (best > 50))


def slow_migration(answers, baseline, share, seed_counts, sentence_counts):
    """The over-seeds numbers of one draw, with every row of every sentence written out."""
    repeats = answers["sentence"].map(dict(enumerate(sentence_counts)))
    written = answers.loc[answers.index.repeat(repeats)]
    sums = written.groupby(["seed", "step", "layer"])[["correct", "n"]].sum()
    value = (sums["correct"] / sums["n"]).rename("value").reset_index()
    chosen = [s for s, count in enumerate(seed_counts) for _ in range(count)]
    depth, expected, falls = [], [], []
    for seed in chosen:
        grid = value[value["seed"] == seed].pivot(index="step", columns="layer", values="value")
        threshold = baseline + share * (grid.to_numpy().max() - baseline)
        shallow, centres = [], []
        for step in grid.index:
            enough = [layer for layer in grid.columns if grid.loc[step, layer] >= threshold]
            shallow.append(enough[0] if enough else np.nan)
            best, moment = baseline, 0.0
            for layer in grid.columns:
                moment += layer * max(0, grid.loc[step, layer] - best)
                best = max(best, grid.loc[step, layer])
            centres.append(moment / (best - baseline) if best > baseline else np.nan)
        depth.append(np.mean([grid.columns[-1] + 1 if np.isnan(s) else s for s in shallow]))
        expected.append(centres)
        there = [(step, s) for step, s in zip(grid.index, shallow, strict=True) if s == s]
        varied = len(there) >= 3 and len({s for _, s in there}) > 1
        falls.append(stats.spearmanr(*zip(*there, strict=True)).statistic if varied else 0.0)
    return np.mean(depth), np.mean(expected, axis=0), np.mean(falls)


def test_values_and_intervals_are_those_of_a_slow_version_draw_by_draw():
    generator = np.random.default_rng(5)
    sentences, seeds, steps, layers, draws = 12, 3, 6, 4, 40
    push = np.arange(steps)[:, None] + np.arange(layers)[None, :]
    ability = 0.3 + 0.07 * push + generator.normal(scale=0.1, size=(sentences, seeds, 1, 1))
    ability = ability + generator.normal(scale=0.05, size=(sentences, seeds, steps, layers))
    scores, answers = planted({("upos", "all"): np.clip(ability, 0, 1)})
    table = numbers_of(scores, answers, seed=7, draws=draws, share=0.6)

    weights = crossed_weights(seeds, sentences, draws, np.random.default_rng(7))
    slow = [slow_migration(answers, 0.3, 0.6, s, t) for s, t in zip(*weights, strict=True)]
    for metric, at in (
        ("migration_depth", 0),
        ("expected_layer", 1),
        ("shallowest_sufficient_layer_correlation", 2),
    ):
        series = np.array([draw[at] for draw in slow])
        low, high = (np.atleast_1d(end) for end in bootstrap_interval(series))
        found = rows_of(table, metric)[["value", "low", "high"]].to_numpy()
        expected = np.column_stack([np.atleast_1d(series[0]), low, high])
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_interval_of_the_expected_layer_holds_the_truth_in_about_95_of_100_experiments():
    generator = np.random.default_rng(11)
    sentences, words, layers, experiments, hits = 120, 8, np.arange(4), 250, 0
    truth = np.array([0.45, 0.6, 0.8, 0.9])
    baseline = np.array([0.3])
    expected = expected_layer(truth[None, None], baseline, layers)[0, 0]
    for _ in range(experiments):
        # Words of a sentence share its difficulty, and all layers meet the same words.
        ease = generator.normal(scale=0.7, size=(sentences, 1)) + generator.normal(
            size=(sentences, words)
        )
        quantile = stats.norm.ppf(truth, scale=np.sqrt(1 + 0.7**2))
        correct = (ease[..., None] < quantile).sum(axis=1)[:, None, None, :]
        _, weights = crossed_weights(1, sentences, 300, generator)
        values = resampled_ratio(weights, correct, np.full_like(correct, words))
        low, high = bootstrap_interval(expected_layer(values, baseline, layers)[:, 0, 0])
        hits += bool(low <= expected <= high)
    assert 0.90 < hits / experiments < 0.99


def random_tables(seed, run="run", corpus="corpus"):
    values = np.random.default_rng(seed).uniform(0.2, 1, size=(6, 2, 4, 3))
    heatmaps = {("upos", subset): values**k for k, subset in enumerate(("seen", "unseen"), 1)}
    heatmaps |= {(task, "all"): values**k for k, task in enumerate(("entity", "tree_distance"), 1)}
    return planted(heatmaps, run=run, corpus=corpus)


def test_the_table_keeps_its_declaration_and_its_bytes_whatever_the_order_of_rows(tmp_path):
    scores, answers = random_tables(0)
    table = numbers_of(scores, answers, seed=1, draws=30)
    check(table, MIGRATION)
    write_table(table, MIGRATION, tmp_path / "one.parquet")
    shuffled = numbers_of(
        scores.sample(frac=1, random_state=0),
        answers.sample(frac=1, random_state=1),
        seed=1,
        draws=30,
    )
    write_table(shuffled, MIGRATION, tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert len(read_table(tmp_path / "one.parquet", MIGRATION)) == len(table)


def test_a_run_has_the_same_numbers_if_the_scores_hold_another_too():
    one, other = random_tables(0, run="one"), random_tables(1, run="other", corpus="ewt")
    alone = numbers_of(*one, seed=1, draws=30)
    beside = numbers_of(pd.concat([other[0], one[0]]), one[1], seed=1, draws=30)
    pd.testing.assert_frame_equal(alone, beside)


def test_numbers_of_several_runs_joined_from_files_are_those_written_at_once(tmp_path):
    tables = [numbers_of(*random_tables(i, run=f"r{i}"), seed=1, draws=9) for i in range(3)]
    write_table(pd.concat(tables), MIGRATION, tmp_path / "at_once.parquet")
    for i, table in enumerate(tables):
        write_table(table, MIGRATION, tmp_path / f"{i}.parquet")
    parts = [read_table(tmp_path / f"{i}.parquet", MIGRATION) for i in (2, 0, 1)]
    write_table(pd.concat(parts), MIGRATION, tmp_path / "joined.parquet")
    joined, at_once = (tmp_path / f"{name}.parquet" for name in ("joined", "at_once"))
    assert joined.read_bytes() == at_once.read_bytes()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_every_interval_holds_its_value(seed):
    table = numbers_of(*random_tables(seed), seed=seed, draws=20)
    assert (table["low"].fillna(np.inf) <= table["value"]).all()
    assert (table["high"].fillna(np.inf) >= table["value"]).all()


def lacking_a_row(scores, answers):
    place = (answers["step"] == 2) & (answers["layer"] == 1) & (answers["seed"] == 1)
    return scores, answers[~place]


BROKEN = {
    "no test words at seed 1, step 2, layer 1": lacking_a_row,
    "no score": lambda s, a: (s[s["step"] != 4], a),
    "no baseline at seed 0": lambda s, a: (s[~s["metric"].str.contains("majority")], a),
    "isn't the score": lambda s, a: (s.assign(value=s["value"] * 0.99), a),
}


@pytest.mark.parametrize("message", BROKEN)
def test_answers_that_do_not_fit_the_scores_are_refused_with_their_place(message):
    scores, answers = BROKEN[message](*random_tables(0))
    with pytest.raises(TableError, match=message):
        numbers_of(scores, answers, seed=0, draws=5)


def test_scores_of_answers_are_what_the_measurement_would_write():
    scores, answers = random_tables(0)
    assert len(scores_of(answers)) == len(scores)
    one = answers.query("seed == 0 and step == 1 and layer == 2 and subset == 'seen'")
    written = scores.query("seed == 0 and step == 1 and layer == 2 and subset == 'seen'")
    value = written.loc[written["metric"] == "accuracy", "value"].item()
    assert value == one["correct"].sum() / one["n"].sum()
