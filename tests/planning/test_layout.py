"""Paths and chunks follow from the configuration alone."""

import itertools

import pytest

from ontogeny.planning import layout
from ontogeny.planning.runs import hub_checkpoint

CONFIG = {
    "chunk": 3,
    "corpora": {
        "toy": {
            **{"kind": "grammar", "seed": 1, "sentences": {"train": 9, "dev": 9, "test": 9}},
            **{"word_types": 500, "zipf_exponent": 1.0, "ambiguous_share": 0.1},
            **{"topics": 3, "pairs_per_paradigm": 5},
        },
        "raw": {"kind": "text", "source": "wikitext-2"},
    },
    "runs": {
        "mine": {"kind": "local", "seeds": [0, 2], "steps": [40, 0, 10, 30]},
        "here": {
            "kind": "pretrain",
            "seeds": [5],
            "steps": {"spacing": "linear", "last": 60, "count": 7},
        },
    },
    "studies": {"pushdown": {"runs": ["mine", "here"], "corpora": {"toy": []}, "steps": None}},
}


@pytest.mark.parametrize("run", ["mine", "here"])
def test_chunks_hold_every_step_once_and_in_order(run):
    chunks = [layout.steps_of_chunk(CONFIG, "pushdown", run, chunk) for chunk in range(4)]
    steps = layout.studied_steps(CONFIG, "pushdown", run)
    assert list(itertools.chain(*chunks)) == steps == sorted(steps)
    assert max(map(len, chunks)) == CONFIG["chunk"]


def test_every_chunk_that_has_a_step_is_measured_for_every_seed():
    files = layout.measurements(CONFIG, "pushdown", "scores")
    mine = [file for file in files if "/mine/" in file]
    assert len(mine) == 2 * 2  # two seeds; four steps make two chunks
    assert len(files) - len(mine) == 1 * 3  # one seed; seven steps make three chunks
    assert len(set(files)) == len(files)


def test_the_files_of_each_run_and_corpus_are_together_those_of_the_study():
    pairs = layout.studied_pairs(CONFIG, "pushdown")
    assert pairs == [("mine", "toy"), ("here", "toy")]
    files = [layout.measurements_of(CONFIG, "pushdown", "answers", *pair) for pair in pairs]
    assert list(itertools.chain(*files)) == layout.measurements(CONFIG, "pushdown", "answers")
    parts = layout.joined(CONFIG, "pushdown", "claims.tsv")
    for (run, corpus), own, part in zip(pairs, files, parts, strict=True):
        folder = f"results/measurements/pushdown/{corpus}/{run}"
        assert part == f"{folder}/claims.tsv"
        assert all(file.startswith(f"{folder}/seed-") for file in own)
    assert layout.joined(CONFIG, "strategies", "claims.tsv") == []


def test_a_study_may_measure_some_steps_only():
    some = {**CONFIG, "studies": {"pushdown": {**CONFIG["studies"]["pushdown"], "steps": [30, 0]}}}
    assert layout.studied_steps(some, "pushdown", "mine") == [0, 30]


def test_checkpoint_patterns_leave_the_seed_open():
    patterns = layout.checkpoint_patterns(CONFIG, "mine")
    assert patterns[0] == "results/runs/mine/seed-{seed}/step-0"
    assert patterns[0].format(seed=2) == layout.checkpoint("mine", 2, 0)
    assert len(patterns) == 4


def test_sentences_and_minimal_pairs_depend_on_their_own_settings_alone():
    sentences = layout.corpus_settings(CONFIG, "toy")
    pairs = layout.minimal_pair_settings(CONFIG, "toy")
    assert "pairs_per_paradigm" not in sentences
    assert set(pairs) == {
        *("seed", "word_types", "zipf_exponent", "ambiguous_share", "pairs_per_paradigm"),
    }


def test_only_what_is_pretrained_here_has_a_loss():
    assert layout.pretrained_trajectories(CONFIG) == [("here", 5)]
    assert layout.loss_figures(CONFIG) == ["results/figures/runs/loss.here.svg"]


def test_what_a_study_reads_is_audited_and_nothing_else():
    assert layout.studied_trajectories(CONFIG) == [("mine", 0), ("mine", 2), ("here", 5)]
    assert layout.studied_files(CONFIG, "audit.tsv")[1] == "results/runs/mine/seed-2/audit.tsv"
    assert layout.audit_files(CONFIG) == [
        "results/audit.tsv",
        "results/tables/weights.parquet",
        "results/figures/runs/audit.mine.svg",
        "results/figures/runs/audit.here.svg",
    ]
    one = {**CONFIG, "studies": {"pushdown": {"runs": ["here"]}, "synthetic": {}}}
    assert layout.studied_trajectories(one) == [("here", 5)]
    assert layout.audit_files({**CONFIG, "studies": {"synthetic": {}}}) == []


def test_only_grammars_have_minimal_pairs():
    assert layout.minimal_pair_suites(CONFIG) == ["results/corpora/toy/minimal_pairs"]


def test_a_checkpoint_of_the_hub_lies_where_the_patterns_say():
    unit = {"kind": "hub", "seeds": [0, 3], "steps": [0, 20]}
    runs = {
        "multiberts": {
            **unit,
            "repository": "google/multiberts-seed_{seed}-step_{step}k",
            "revision": "main",
            "step_unit": 1000,
        },
        "pythia": {**unit, "repository": "EleutherAI/p", "revision": "step{step}", "step_unit": 1},
    }
    config = {**CONFIG, "runs": {**CONFIG["runs"], **runs}}
    assert hub_checkpoint(config, "multiberts", "3", "20000") == {
        "repository": "google/multiberts-seed_3-step_20k",
        "revision": "main",
    }
    assert hub_checkpoint(config, "pythia", 0, 20) == {
        "repository": "EleutherAI/p",
        "revision": "step20",
    }
    assert layout.checkpoint_patterns(config, "multiberts")[-1].endswith("seed-{seed}/step-20000")
    assert layout.hub_manifests(config) == [
        f"results/runs/{run}/seed-{seed}/manifest.tsv" for run in runs for seed in (0, 3)
    ]
