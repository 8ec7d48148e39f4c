"""The table of outcomes holds the last values of each run, with the interval of their mean."""

import numpy as np
import pytest
from planted_sas_tables import planted, planted_interventions
from scipy import stats

from ontogeny.studies.sas.outcomes import markdown, outcomes


def test_an_outcome_is_the_mean_over_seeds_of_the_last_value_with_students_interval():
    table, _, labels = planted_interventions(seeds=(0, 1, 2), relations=3)
    found = outcomes(table).set_index(["run", "metric"])
    assert set(found.index.get_level_values("run")) == set(labels)
    assert set(found["corpus"]) == {"toyglish"}
    for (run, metric), row in found.iterrows():
        own = table[(table["run"] == run) & (table["metric"] == metric)]
        for column in ("relation", "field", "paradigm"):
            own = own[own[column].isna()]
        values = own[own["step"] == own["step"].max()]["value"].to_numpy()
        assert len(values) == row["seeds"] == 3
        student = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        expected = [values.mean(), student.low, student.high]
        assert row[["value", "low", "high"]].tolist() == pytest.approx(expected)


def test_a_page_has_a_line_for_each_run_and_a_column_for_what_was_measured():
    table, _, _ = planted(seeds=(4,), relations=2, suite=None)
    found = outcomes(table)
    assert np.isnan(found["low"]).all()
    head, rule, line = markdown(found).splitlines()
    assert head == "| run | corpus | seeds | loss (nats) | UAS held out |"
    assert rule == "|---|---|---|---|---|"
    values = found.set_index("metric")["value"]
    expected = f"| {values['loss']:.3f} | {values['uas_held_out']:.3f} |"
    assert line == f"| `toy-bert` | toyglish | 1 {expected}"
