"""What is planted in milestones is found: order, coincidence, agreement, states."""

import numpy as np
import pandas as pd
import pytest
from planted_milestones import EARLY, planted, weights

from ontogeny.errors import TableError
from ontogeny.results.claims import evaluate
from ontogeny.results.tables import check
from ontogeny.results.timeline import milestones
from ontogeny.studies.atlas.claims import CLAIMS
from ontogeny.studies.atlas.comparison import compare, joined
from ontogeny.studies.atlas.maps import states
from ontogeny.studies.atlas.tables import ATLAS, STATES, TIMELINE
from ontogeny.studies.atlas.timeline import timeline, times_of


def compared(rows, run="planted", **changes):
    settings = {"together": 1.25, "permutations": 999, "draws": 50, "seed": 0} | changes
    return compare(run, times_of(rows, run), **settings)


def of_metric(found, metric):
    rows = found[found["metric"].eq(metric)]
    return rows.set_index(["milestone", "other"])["verdict"]


def test_what_comes_layer_by_layer_counts_once_where_it_comes_first():
    times = times_of(planted(), "planted")
    assert times.names == (*EARLY, *(name for name in times.names[4:]))
    rows = planted()
    arrival = rows[rows["milestone"].eq("task arrives")]
    first = np.log1p(arrival.groupby("seed")["value"].min())
    assert times.times[times.names.index("task arrives")] == pytest.approx(first.to_numpy())
    assert times.kinds[times.names.index("task arrives")] == "arrival"


def test_the_corpus_is_part_of_a_name_only_where_there_are_several():
    rows = planted()
    other = rows[rows["milestone"].eq("noon")].assign(corpus="ud-ewt")
    both = times_of(pd.concat([rows, other]), "planted").names
    assert {"noon (toyglish)", "noon (ud-ewt)"} < set(both)
    assert "noon" in times_of(rows, "planted").names


def test_the_planted_order_always_holds_and_the_strangers_do_not_belong_to_it():
    found = joined([compared(planted())])
    check(found, ATLAS)
    order = of_metric(found, "precedence")
    for place, name in enumerate(EARLY):
        for later in (*EARLY[place + 1 :], "task arrives"):
            assert order[name, later] == "always"
    pairs = order[[{"mover", "stranger"} == set(pair) for pair in order.index]]
    assert set(pairs) == {"not always"}


def test_what_moves_together_comes_together_and_what_moves_alone_does_not():
    verdicts = of_metric(joined([compared(planted(seeds=10))]), "coincidence")
    together = {frozenset(pair) for pair, verdict in verdicts.items() if verdict == "together"}
    assert together == {frozenset(("mover", "twin"))}
    assert "by chance" in set(verdicts)


@pytest.mark.parametrize("seeds", [2, 3])
def test_few_seeds_have_insufficient_data_for_every_pair(seeds):
    found = joined([compared(planted(seeds))])
    verdicts = found["verdict"].dropna()
    assert len(verdicts)
    assert set(verdicts) == {"insufficient data"}


def test_five_seeds_tell_no_order_and_six_do():
    for seeds, expected in ((5, {"insufficient data"}), (6, {"always"})):
        order = of_metric(joined([compared(planted(seeds))]), "precedence")
        day = [pair for pair in order.index if set(pair) <= set(EARLY)]
        assert set(order[day]) == expected


def test_seeds_that_agree_bear_the_claim_out_and_few_do_not_decide_it():
    def verdict(rows):
        found = evaluate(CLAIMS, {("planted", ""): compared(rows)}, "toy")
        return found.loc[0, "verdict"], found.loc[0, "reason"]

    assert verdict(planted(spread=0.7))[0] == "replicated"
    few, why = verdict(planted(seeds=2))
    assert few == "insufficient data"
    assert "2 seeds of the 3" in why


def test_a_run_without_milestones_has_no_rows():
    nothing = timeline([])
    check(nothing, TIMELINE)
    found = compared(nothing)
    assert joined([found]).empty
    assert evaluate(CLAIMS, {("planted", ""): found}, "toy")["verdict"].tolist() == [
        "insufficient data"
    ]


def test_one_seed_is_compared_with_nobody():
    found = joined([compared(planted(seeds=1))])
    check(found, ATLAS)
    assert "rank_correlation" not in set(found["metric"])
    assert set(found["verdict"].dropna()) == {"insufficient data"}


def test_two_rows_of_the_same_milestone_are_refused():
    columns = ["run", "seed", "milestone", "step", "kind"]
    twice = milestones([("a", 0, "noon", 5.0, "onset")] * 2, columns)
    with pytest.raises(TableError, match="two rows with the same keys"):
        timeline([("day", twice)])


def test_the_map_of_a_jump_has_two_states_that_change_there():
    found = states([weights()], states=3, restarts=3, seed=0)
    check(found, STATES)
    path = found[found["metric"].eq("state")]
    for _, own in path.groupby("seed"):
        assert own.sort_values("step")["value"].tolist() == [1.0] * 5 + [2.0] * 5
    assert set(found["other"].dropna()) == {"norm", "deviation", "1", "2"}


def test_weights_that_never_change_have_no_map():
    still = weights().assign(value=1.0)
    found = states([still], states=3, restarts=1, seed=0)
    check(found, STATES)
    assert found.empty
    assert states([], states=3, restarts=1, seed=0).empty
