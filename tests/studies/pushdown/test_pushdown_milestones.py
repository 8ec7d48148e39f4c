"""Arrivals of tasks as the atlas reads them."""

import pandas as pd

from ontogeny.studies.pushdown.milestones import arrivals
from ontogeny.studies.pushdown.tables import MIGRATION


def test_each_layer_of_each_task_arrives_where_the_table_says_over_all_words():
    columns = [column.name for column in MIGRATION.columns]
    rows = pd.DataFrame(
        [
            ("a", "ud", 0, None, 1, "tree_depth", "all", "arrival_step", 40.0, 20.0, None),
            ("a", "ud", None, None, 2, "upos", "all", "arrival_step", 80.0, 80.0, 90.0),
            ("a", "ud", 0, None, 1, "upos", "unseen", "arrival_step", 10.0, 10.0, 10.0),
            ("a", "ud", 0, None, None, "upos", "all", "migration_depth", 2.0, 1.0, 3.0),
        ],
        columns=columns,
    )
    found = arrivals(rows, {})
    assert found["milestone"].tolist() == ["tree depth arrives", "upos arrives"]
    assert found["layer"].tolist() == [1, 2]
    assert found["step"].tolist() == [40.0, 80.0]
    assert found["seed"].isna().tolist() == [False, True]
    assert found["high"].isna().tolist() == [True, False]  # a draw in which it never arrives
    assert set(found["kind"]) == {"arrival"}
