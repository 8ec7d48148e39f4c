"""A workflow whose files lie with a storage provider, as on a cluster without a common disk."""

import shutil

import pytest
from tiny_workflow import SMALL, SMALL_TARGETS, in_storage, made_by_jobs, snakemake, tiny

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("disturbed"),
    pytest.mark.usefixtures("rsync"),
]

WORD = "{}\t{}\t_\tNOUN\t_\t_\t{}\tdep\t_\t_\n"
SENTENCE = WORD.format(1, "cats", 2) + WORD.format(2, "sleep", 0) + "\n"


def test_every_file_is_that_of_a_run_without_a_storage(killed, stored):
    _, storage = stored
    files = {
        name: content
        for name, content in made_by_jobs(killed[0]).items()
        if not name.startswith("results/runs/mine/")
    }
    assert len(files) > 20
    for name, content in files.items():
        assert (storage / name).read_bytes() == content, name


def test_nothing_but_logs_is_made_beside_the_storage(stored):
    folder, _ = stored
    made = {path.relative_to(folder).parts[1] for path in folder.glob("results/*/**/*")}
    assert made <= {"logs", "benchmarks"}


def test_a_finished_workflow_has_nothing_to_do(stored):
    folder, storage = stored
    process = snakemake(folder, SMALL, *in_storage(storage, "--dry-run", *SMALL_TARGETS))
    assert "Nothing to be done" in process.stdout, process.stdout


@pytest.mark.parametrize("named", ["relative", "absolute"])
def test_files_of_the_users_own_come_from_the_storage(tmp_path, named):
    folder, storage = tmp_path / "here", tmp_path / "far"
    trees = storage / "mine" / "trees"
    trees.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        (storage / "mine" / f"{split}.conllu").write_text(SENTENCE)
    (trees / "all.ptb").write_text("(S (NP (N cats)) (V sleep))\n")
    folder.mkdir()
    above = "mine" if named == "relative" else f"{folder}/mine"
    if named == "absolute":  # absolute names too are looked up below the storage's prefix
        (storage / str(folder)[1:]).mkdir(parents=True)
        shutil.move(storage / "mine", storage / str(folder)[1:] / "mine")
    config = tiny(
        corpora__mine={
            "kind": "conllu",
            **{split: f"{above}/{split}.conllu" for split in ("train", "dev", "test")},
            "constituents": f"{above}/trees/all.ptb",
        }
    )
    target = "results/corpora/mine/statistics.tsv"
    process = snakemake(folder, config, *in_storage(storage, target))
    assert process.returncode == 0, process.stdout
    statistics = (storage / target).read_text().splitlines()
    assert "train\twords\t2" in statistics
    assert "train\tsentences_without_constituents\t0" in statistics
