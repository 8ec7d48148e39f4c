"""Half-way points of the gradient's concentration, as the atlas reads them."""

import numpy as np
import pandas as pd

from ontogeny.studies.sparsity.milestones import half_way_points

STEPS = (0, 10, 20, 40, 80, 160, 320)


def words(level, slope, seed=0, noise=0.02, number=80):
    """Return rows of words whose concentration has a level and a slope at each step."""
    generator = np.random.default_rng(seed)
    frequency = np.arange(1, number + 1)
    centred = (frequency - frequency.mean()) / frequency.std()
    rows = []
    for step, up, tilt in zip(STEPS, level, slope, strict=True):
        values = up + tilt * centred + generator.normal(0, noise, number)
        rows += [
            ("a", "ud", seed, step, f"w{place:02d}", "chi", value, int(often))
            for place, (value, often) in enumerate(zip(values, frequency, strict=True))
        ]
    columns = ["run", "corpus", "seed", "step", "word", "metric", "value", "frequency"]
    return pd.DataFrame(rows, columns=columns)


def test_planted_half_way_points_lie_within_their_intervals_between_their_checkpoints():
    jump = np.array([0, 0, 0, 1, 1, 1, 1])
    late = np.array([0, 0, 0, 0, 0, 1, 1])
    found = half_way_points(words(0.3 + 0.2 * jump, 0.1 * late), {}).set_index("milestone")
    level, tie = found.loc["gradient concentrates"], found.loc["concentration follows frequency"]
    assert 20 < level["low"] <= level["step"] <= level["high"] < 40
    assert 80 < tie["low"] <= tie["step"] <= tie["high"] < 160


def test_what_stays_as_it_is_has_none():
    flat = np.zeros(7)
    assert half_way_points(words(0.3 + flat, 0.05 + flat), {}).empty


def test_each_seed_is_on_its_own_and_the_same_each_time():
    jump = np.array([0, 0, 0, 1, 1, 1, 1])
    two = pd.concat([words(0.3 + 0.2 * jump, 0 * jump, seed=seed) for seed in (0, 1)])
    found = half_way_points(two, {})
    assert found["seed"].tolist() == [0, 1]
    pd.testing.assert_frame_equal(found, half_way_points(two.sample(frac=1, random_state=0), {}))
