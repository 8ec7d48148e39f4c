"""Trajectories are read as they were written, in any order, and incomplete ones by no means."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from planted_trajectories import log_spaced, planted, rows_of, sigmoid, write

from ontogeny.errors import TableError
from ontogeny.results.milestones import bootstrap_weights
from ontogeny.studies.sas.resampling import resample
from ontogeny.studies.sas.trajectories import OF_MODEL, TOTALS, read_trajectory

STEPS = log_spaced(6)


def some(generator, accuracy=0.7, **details):
    curve = sigmoid(STEPS, 300)
    complexity = {"intrinsic_dimension": 20 - curve, "fisher_trace": 2 + curve, "weight_norm": 9.0}
    found = planted(
        STEPS,
        0.3 + 0.4 * curve,
        8 - curve,
        accuracy,
        sentences=7,
        paradigms=(5, 3, 9),
        generator=generator,
        **(complexity | details),
    )
    return replace(found, sentences=np.array([0, 1, 2, 3, 5, 8, 40]), seeds=np.array([1, 4, 7]))


def assert_same(one, other):
    for field in fields(one):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, dict):
            assert set(mine) == set(theirs)
            for key, values in mine.items():
                np.testing.assert_allclose(values, theirs[key], rtol=1e-12)
                assert values.shape == theirs[key].shape
        else:
            assert np.array_equal(mine, theirs), field.name


@pytest.mark.parametrize("files", [1, 3])
def test_what_is_written_is_read_whatever_the_order_of_its_rows(tmp_path, files):
    generator = np.random.default_rng(files)
    trajectory = some(generator)
    for order in (None, generator):
        paths = write(rows_of(trajectory), tmp_path, order, files)
        assert_same(read_trajectory(*paths), trajectory)


def test_totals_that_differ_between_places_are_kept_and_others_given_once(tmp_path):
    generator = np.random.default_rng(0)
    trajectory = some(generator)
    varied = generator.integers(1, 9, trajectory.sums["loss"].shape).astype(float)
    trajectory = replace(trajectory, totals=trajectory.totals | {"predictions": varied})
    assert_same(read_trajectory(*write(rows_of(trajectory), tmp_path)), trajectory)


def test_without_a_suite_there_are_no_pairs_and_no_accuracy(tmp_path):
    trajectory = some(np.random.default_rng(1), accuracy=None)
    *paths, pairs = write(rows_of(trajectory), tmp_path)
    assert pairs == []
    found = read_trajectory(*paths)
    assert found.suite is None
    assert_same(found, trajectory)
    assert set(resample(found, draws=3, seed=0).curves) == set(TOTALS)


def test_sentences_in_which_nothing_is_scored_are_left_out_and_their_sums_add_nothing(tmp_path):
    trajectory = some(np.random.default_rng(2))
    structure, sentences, pairs = rows_of(trajectory)
    unparsed, unread = sentences["sentence"] == 2, sentences["sentence"] == 8
    sentences.loc[unparsed | unread, "edges"] = 0
    sentences.loc[unparsed, ["uas", "uas_held_out", "offset_uas"]] = np.nan
    sentences.loc[unread, ["predictions", "loss"]] = 0
    found = read_trajectory(*write((structure, sentences, pairs), tmp_path))
    assert list(found.sentences) == [0, 1, 2, 3, 5, 40]
    assert (found.sums["uas"][2] == 0).all()
    assert (found.sums["loss"][2] == trajectory.sums["loss"][2]).all()
    assert np.isfinite(resample(found, draws=5, seed=0).curves["uas"]).all()


def test_a_layer_that_has_no_dimension_somewhere_is_left_out_everywhere(tmp_path):
    trajectory = some(np.random.default_rng(8))
    structure, *others = rows_of(trajectory)
    lacking = (structure["layer"] == 2) & (structure["seed"] == 7) & (structure["step"] == 0)
    found = read_trajectory(*write((structure[~lacking], *others), tmp_path))
    # Layer 1 is one below the mean of layers 1 and 2.
    mean = trajectory.of_model["intrinsic_dimension"]
    np.testing.assert_allclose(found.of_model["intrinsic_dimension"], mean - 1)
    none = structure[~(lacking | ((structure["layer"] == 1) & (structure["seed"] == 1)))]
    found = read_trajectory(*write((none, *others), tmp_path))
    assert set(found.of_model) == set(OF_MODEL) - {"intrinsic_dimension"}


def damaged(structure, sentences, pairs):
    """Name, rows and what is said about them."""
    first = structure.index[structure["metric"] == "fisher_trace"][0]
    late = structure.assign(step=structure["step"].replace(STEPS[-1], 999_999))
    other = structure.assign(corpus="other")
    pair = (pairs["paradigm"] == "paradigm_1") & (pairs["pair"] == 2) & (pairs["seed"] == 4)
    sentence = (sentences["sentence"] == 40) & (sentences["step"] == STEPS[2])
    gone_seed = pairs[pairs["seed"] != 7]
    return {
        "a sentence": (
            (structure, sentences[~sentence], pairs),
            rf"sentences of run run on corpus: sentence 40 is absent at seed 1, step {STEPS[2]}",
        ),
        "a pair": (
            (structure, sentences, pairs[~pair]),
            r"paradigm paradigm_1, pair 2 is absent at seed 4, step 0 \(7 of",
        ),
        "a pair's seed": ((structure, sentences, gone_seed), r"seeds is \[1, 4\].*\[1, 4, 7\]"),
        "a curve's point": ((structure.drop(first), sentences, pairs), "fisher_trace: is absent"),
        "a step too many": ((late, sentences, pairs), "step 999999 has no row in the sentences"),
        "a corpus too many": ((other, sentences, pairs), "rows of run run on other beside"),
        "a sentence twice": (
            (structure, pd.concat([sentences, sentences[:1]]), pairs),
            "a sentence has two rows at one seed and step",
        ),
        "a pair twice": (
            (structure, sentences, pd.concat([pairs, pairs[-1:]])),
            "a pair has two rows",
        ),
        "a layer twice": (
            (pd.concat([structure, structure[:3]]), sentences, pairs),
            "a layer has two rows",
        ),
        "two runs": (
            (structure, sentences.assign(run=np.where(sentences["sentence"] < 3, "a", "b")), pairs),
            "those of run a on corpus; run b on corpus",
        ),
        "no sentences": ((structure, sentences[:0], pairs), "there are none"),
        "a column": (
            (structure, sentences.drop(columns="edges"), pairs),
            "lacks the columns edges",
        ),
        "sas": ((structure.drop(columns="layer"), sentences, pairs), "lacks the columns layer"),
        "a strange answer": (
            (structure, sentences, pairs.assign(correct=0.25)),
            "correct is 0.25; expected 0, 0.5 or 1",
        ),
    }


@pytest.mark.parametrize("case", damaged(*rows_of(some(np.random.default_rng(3)))))
def test_what_is_absent_or_there_twice_is_named(tmp_path, case):
    rows, message = damaged(*rows_of(some(np.random.default_rng(3))))[case]
    paths = write(rows, tmp_path)
    with pytest.raises(TableError, match=message):
        read_trajectory(*paths)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    structure, sentences, pairs = write(rows_of(some(np.random.default_rng(4))), tmp_path)
    sentences[1].write_bytes(sentences[1].read_bytes()[:-100])
    with pytest.raises(TableError, match=r"sentences-1\.parquet"):
        read_trajectory(structure, sentences, pairs)


def test_curves_are_those_of_the_sentences_and_pairs_written_out_draw_by_draw():
    trajectory = some(np.random.default_rng(5), accuracy=0.6)
    found = resample(trajectory, draws=6, seed=9)
    streams = np.random.default_rng(9).spawn(3)
    seeds = bootstrap_weights(3, 6, streams[0])
    sentences = bootstrap_weights(7, 6, streams[1])
    pairs = [bootstrap_weights(count, 6, streams[2]) for count in (5, 3, 9)]
    assert np.array_equal(found.seed_weights, seeds)
    for draw in range(7):
        drawn = np.repeat(np.arange(7), sentences[draw])
        for name, total in TOTALS.items():
            sums = sum(trajectory.sums[name][sentence] for sentence in drawn)
            counts = sum(trajectory.totals[total][sentence] for sentence in drawn)
            np.testing.assert_allclose(found.curves[name][draw], sums / counts)
        shares = []
        for number, weights in enumerate(pairs):
            own = trajectory.correct[trajectory.paradigm == number].astype(float)
            shares.append(np.repeat(own, weights[draw], axis=0).mean(axis=0))
        np.testing.assert_allclose(found.curves["accuracy"][draw], np.mean(shares, axis=0))
        mean = np.repeat(found.curves["accuracy"][draw], seeds[draw], axis=0).mean(axis=0)
        np.testing.assert_allclose(found.mean("accuracy")[draw], mean)


def test_each_paradigm_counts_the_same_in_every_draw_however_many_pairs_it_has():
    trajectory = some(np.random.default_rng(6))
    right = np.zeros_like(trajectory.correct) + (trajectory.paradigm == 1)[:, None, None]
    found = resample(replace(trajectory, correct=right.astype(np.float16)), draws=40, seed=0)
    np.testing.assert_allclose(found.curves["accuracy"], 1 / 3)


def test_draws_are_the_same_for_another_run_and_do_not_hang_on_other_units():
    trajectory = some(np.random.default_rng(7))
    gain = 0.25 * trajectory.totals["edges"]
    better = replace(trajectory, sums=trajectory.sums | {"uas": trajectory.sums["uas"] + gain})
    one, other = (resample(run, draws=20, seed=1) for run in (trajectory, better))
    np.testing.assert_allclose(other.curves["uas"] - one.curves["uas"], 0.25)
    fewer = replace(
        trajectory,
        sums={name: values[:4] for name, values in trajectory.sums.items()},
        totals={name: values[:4] for name, values in trajectory.totals.items()},
        sentences=trajectory.sentences[:4],
    )
    third = resample(fewer, draws=20, seed=1)
    assert np.array_equal(third.curves["accuracy"], one.curves["accuracy"])
    assert np.array_equal(third.seed_weights, one.seed_weights)
    assert not np.array_equal(third.curves["uas"], one.curves["uas"])
