"""The times of rules are those of their jobs together."""

import pytest
from docutils.core import publish_parts

from ontogeny.results.rule_times import SUMMARY, RuleTimes, rule_times, write_rule_times


def keep(folder, name, columns):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(columns), "\t".join(map(str, columns.values()))]
    file.write_text("\n".join(lines) + "\n")


@pytest.fixture
def folder(tmp_path):
    """Two jobs of one rule, one of another that was too short to be looked at, and a dead one's."""
    for seed, seconds in enumerate((2.5, 4.0)):
        measured = {"s": seconds, "cpu_time": 2 * seconds, "max_rss": 300 + seed}
        keep(tmp_path, f"sas/structure.toy.seed-{seed}.tsv", measured)
    keep(tmp_path, "sas/onsets.toy.tsv", {"s": 7, "cpu_time": "-", "max_rss": "NA"})
    (tmp_path / "sas/killed.tsv").write_text("")
    return tmp_path


def test_jobs_are_summed_up_by_rule_and_the_longest_comes_first(folder):
    assert rule_times(folder) == [
        RuleTimes("sas_onsets", 1, 7.0, 0.0, 0.0),
        RuleTimes("sas_structure", 2, 6.5, 13.0, 301.0),
    ]


def test_a_rule_that_is_named_goes_by_its_name(folder):
    named = {"s": 1, "cpu_time": 1, "max_rss": 1, "rule_name": "sas_onsets_figure"}
    keep(folder, "sas/onsets.other.tsv", named)
    assert RuleTimes("sas_onsets_figure", 1, 1.0, 1.0, 1.0) in rule_times(folder)


def test_a_job_of_many_files_has_long_parameters(folder):
    files = (
        "[" + ", ".join(f"'https://example.org/a/treebank/{n}.conllu'" for n in range(5000)) + "]"
    )
    long = {"s": 2, "cpu_time": 1, "max_rss": 1, "rule_name": "source", "params": files}
    keep(folder, "corpora/source.gum.tsv", long)
    assert RuleTimes("source", 1, 2.0, 1.0, 1.0) in rule_times(folder)


def test_the_table_is_one_that_a_report_can_show(folder):
    write_rule_times(folder)
    text = (folder / SUMMARY).read_text()
    page = publish_parts(text, writer_name="html", settings_overrides={"halt_level": 2})["body"]
    assert page.count("<tr") == 1 + 1 + 2  # the header, the sum, two rules
    for cell in ("all", "3", "13.5", "13.0", "301", "sas_structure", "6.5"):
        assert f">{cell}<" in page


def test_where_no_job_ran_nothing_is_written(tmp_path):
    write_rule_times(tmp_path / "benchmarks")
    assert not list(tmp_path.iterdir())
