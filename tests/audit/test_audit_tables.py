"""Findings and statistics as tables, what stops the studies, and the figure."""

import logging
import math

import pandas as pd
import pytest

from ontogeny.audit.figures import audit_figure
from ontogeny.audit.tables import (
    WEIGHTS,
    Finding,
    join_weights,
    let_pass,
    read_findings,
    write_findings,
    write_weights,
)
from ontogeny.errors import TableError, TrajectoryError
from ontogeny.results.tables import write_table


def finding(severity="stop", step=0, others="40, 80", check="duplicate", seed=1):
    message = f'steps {step} and {others} are\todd, "quoted".'
    return Finding("mine", seed, step, others, check, severity, "3", "1", message)


def test_findings_are_read_as_they_were_written_the_gravest_first(tmp_path):
    findings = [finding("note"), finding("warn", 7, ""), finding("stop", 9), finding("stop", 2)]
    write_findings(findings, tmp_path / "audit.tsv")
    assert read_findings(tmp_path / "audit.tsv") == [findings[i] for i in (3, 2, 1, 0)]
    assert finding("warn", 7, "").steps == [7]
    assert finding("stop", 9).steps == [9, 40, 80]


def test_no_findings_are_a_table_without_rows(tmp_path):
    write_findings([], tmp_path / "audit.tsv")
    assert read_findings(tmp_path / "audit.tsv") == []
    assert (tmp_path / "audit.tsv").read_text().startswith("run\tseed\tstep\t")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mine\t1\tx\t\tduplicate\tstop\t\t\t", "line 2"),
        ("mine\t1\t2\t\tduplicate\tgrave\t\t\t", "line 2"),
        ("mine\t1\t2\t\tdouble\tstop\t\t\t", "line 2"),
        ("mine\t1\t-2\t\tduplicate\tstop\t\t\t", "line 2"),
        ("mine\t1\t2\t3;4\tduplicate\tstop\t\t\t", "line 2"),
        ("mine\t1", "line 2"),
    ],
)
def test_a_malformed_table_of_findings_is_told_by_line(tmp_path, line, expected):
    file = tmp_path / "audit.tsv"
    write_findings([], file)
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(TableError, match=rf"audit\.tsv, {expected}"):
        read_findings(file)
    file.write_text("step\n")
    with pytest.raises(TableError, match=r"audit\.tsv, line 1"):
        read_findings(file)


def test_grave_findings_stop_with_steps_and_remedies():
    with pytest.raises(TrajectoryError) as error:
        let_pass([finding(step=20), finding("warn", 5)], "stop", "results/audit.tsv")
    message = str(error.value)
    assert "run mine, seed 1: its audit stops the studies at steps 20, 40, 80." in message
    assert "steps 20 and 40, 80 are" in message
    assert "steps 5" not in message
    assert "runs.mine.steps" in message
    assert "runs.mine.audit: warn" in message
    assert "results/audit.tsv" in message


@pytest.mark.parametrize("severity", ["warn", "note"])
def test_lighter_findings_go_to_the_log_alone(severity, caplog):
    with caplog.at_level(logging.INFO, "ontogeny"):
        let_pass([finding(severity)], "stop", "audit.tsv")
    assert caplog.records[0].levelname == {"warn": "WARNING", "note": "INFO"}[severity]
    assert "mine, seed 1: steps 0" in caplog.text


def test_with_warn_nothing_stops(caplog):
    let_pass([finding()], "warn", "audit.tsv")
    assert "steps 0 and 40, 80" in caplog.text


def weights_table(tmp_path, seeds=(0, 1), steps=(0, 10, 100, 1000)):
    paths = {}
    for seed in seeds:
        metrics = {
            step: {
                "norm": 2.0 + seed,
                "distance_to_last": (2.0 + seed) * (1 - place / (len(steps) - 1)),
                "distance_to_previous": 0.5 if place else math.nan,
                "parameters": 7.0,
            }
            for place, step in enumerate(steps)
        }
        paths["mine", seed] = tmp_path / f"{seed}.tsv"
        write_weights(metrics, dict.fromkeys(steps, "abc"), paths["mine", seed])
    return join_weights(paths)


def test_statistics_keep_to_their_declaration_and_what_is_absent_has_no_row(tmp_path):
    table = weights_table(tmp_path)
    write_table(table, WEIGHTS, tmp_path / "weights.parquet")
    own = table[(table["seed"] == 1) & (table["metric"] == "distance_to_previous")]
    assert own["step"].tolist() == [10, 100, 1000]
    assert own["value"].tolist() == [0.5] * 3
    assert set(table["sha256"]) == {"abc"}
    assert "kurtosis" not in set(table["metric"])
    assert join_weights({}).empty


def test_a_malformed_file_of_statistics_is_told(tmp_path):
    file = tmp_path / "weights.tsv"
    with pytest.raises(TableError, match=r"weights\.tsv: not a readable table of weights"):
        join_weights({("mine", 0): file})
    file.write_text("step\tnorm\n0\t1\n")
    with pytest.raises(TableError, match="its columns are step, norm; expected step, sha256"):
        join_weights({("mine", 0): file})
    write_weights({0: {"norm": -1}}, {0: "abc"}, file)
    with pytest.raises(TableError, match=rf"{file}: table weights: norm is -1"):
        join_weights({("mine", 0): file})


def drawn(figure):
    return {
        line.get_gid(): line.get_xydata().tolist()
        for axes in figure.axes[:1]
        for line in axes.lines
        if line.get_gid()
    }


def test_the_figure_shows_shares_of_the_last_norm_and_marks_each_finding(tmp_path):
    findings = [
        finding("stop", 10, "100", seed=0),
        finding("warn", 100, "", seed=0),  # the graver mark stays
        finding("warn", 1000, "", seed=1),
        finding("note", 0, "", seed=1),
        Finding("other", 0, 0, "", "order", "stop", "", "", ""),
    ]
    lines = drawn(audit_figure(weights_table(tmp_path), findings))
    shares = [[0, 1], [10, 2 / 3], [100, 1 / 3], [1000, 0]]
    assert lines["distance_to_last"] == [pytest.approx(point) for point in shares]
    assert lines["finding:stop"] == [pytest.approx(point) for point in shares[1:3]]
    assert lines["finding:warn"] == [[1000, 0]]


def test_a_figure_of_one_checkpoint_or_of_none_that_can_be_measured_is_drawn(tmp_path):
    single = weights_table(tmp_path, seeds=(0,), steps=(5, 9))
    audit_figure(single[single["step"] == 9], [])
    nothing = single[single["metric"] == "parameters"]
    assert "no distances" in audit_figure(nothing, []).texts[0].get_text()
    assert (
        "no distances" in audit_figure(pd.DataFrame(columns=single.columns), []).texts[0].get_text()
    )


def test_several_runs_in_one_figure_are_refused(tmp_path):
    table = weights_table(tmp_path)
    with pytest.raises(TableError, match="shows one run, the table holds mine, other"):
        audit_figure(pd.concat([table, table.assign(run="other")]), [])
