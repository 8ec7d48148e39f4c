"""Orders and distances: closed forms, and a search over all moves written plainly."""

import itertools

import numpy as np
import pytest

from ontogeny.audit.step_order import departure, misplaced


def distances(points):
    return np.linalg.norm(points[:, None] - points[None], axis=2)


def random_walk(steps, seed, width=400):
    draw = np.random.default_rng(seed)
    gaps = np.sqrt(np.diff(np.r_[0, steps]))
    return np.cumsum(draw.normal(size=(len(steps), width)) * gaps[:, None], axis=0)


def departure_by_triples(distances):
    total = 0.0
    for i, j, k in itertools.combinations(range(len(distances)), 3):
        outer = np.log(distances[i, k])
        total += max(0, np.log(distances[i, j]) - outer) + max(0, np.log(distances[j, k]) - outer)
    return total


def best_move_by_trying(distances):
    """The gain of the best single move, each tried out."""
    count, here, best = len(distances), departure_by_triples(distances), 0.0
    for item, place in itertools.product(range(count), repeat=2):
        order = [i for i in range(count) if i != item]
        order.insert(place, item)
        best = max(best, here - departure_by_triples(distances[np.ix_(order, order)]))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_departure_and_best_move_are_those_of_a_plain_search(seed):
    points = np.random.default_rng(seed).normal(size=(3 + seed, 2))
    assert departure(distances(points)) == pytest.approx(departure_by_triples(distances(points)))
    moves = misplaced(distances(points), clear=0.0)
    gain = moves[0].gain if moves else 0.0
    assert gain == pytest.approx(best_move_by_trying(distances(points)), abs=1e-9)


@pytest.mark.parametrize("count", [3, 5, 9])
def test_points_on_a_line_depart_by_nothing_in_either_direction(count):
    line = np.cumsum(np.random.default_rng(count).random(count))[:, None]
    assert departure(distances(line)) == 0
    assert departure(distances(line[::-1])) == 0


def test_two_swapped_points_in_the_middle_of_a_line_depart_by_logarithms_of_two():
    # Of 0, 2, 1, 3: (0, 2, 1) has 2 > 1 and (2, 1, 3) has 2 > 1; (0, 2, 3) and (0, 1, 3) are well.
    line = np.array([0.0, 2.0, 1.0, 3.0])[:, None]
    assert departure(distances(line)) == pytest.approx(2 * np.log(2))
    (move,) = misplaced(distances(line))
    assert move.gain == pytest.approx(2 * np.log(2))
    assert (move.item, move.after) in {(1, 2), (2, 0)}


@pytest.mark.parametrize("schedule", [np.arange(1, 21) * 50, 2 ** np.arange(12), np.arange(1, 155)])
@pytest.mark.parametrize("seed", range(3))
def test_a_random_walk_is_in_order_whatever_the_schedule(schedule, seed):
    assert misplaced(distances(random_walk(schedule, seed))) == []


@pytest.mark.parametrize("place", [0, 3, 8, 10])
def test_neighbours_of_a_random_walk_that_were_swapped_are_found(place):
    points = random_walk(np.arange(1, 13) * 10, 0)
    order = np.arange(12)
    order[[place, place + 1]] = order[[place + 1, place]]
    (move,) = misplaced(distances(points[order]))
    assert move.item in (place, place + 1)


@pytest.mark.parametrize(("origin", "target"), [(2, 9), (9, 2), (0, 6)])
def test_a_point_that_was_moved_is_told_with_the_place_it_came_from(origin, target):
    points = random_walk(np.arange(1, 13) * 10, 1)
    order = list(range(12))
    order.insert(target, order.pop(origin))
    (move,) = misplaced(distances(points[order]))
    assert move.item == target
    before = None if origin == 0 else order.index(origin - 1)
    assert move.after == before


def test_fewer_than_three_points_have_no_order():
    assert misplaced(distances(np.array([[0.0], [5.0]]))) == []
    assert misplaced(np.zeros((0, 0))) == []
