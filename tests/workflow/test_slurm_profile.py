"""The profile for clusters, as far as it goes without one; tests/cluster has the rest."""

import logging
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from snakemake_executor_plugin_slurm.partitions import get_best_partition, read_partition_file
from tiny_workflow import ROOT, TINY, environment

PROFILE = ROOT / "profiles/slurm"


def plan(folder, config, *arguments, profile=PROFILE):
    """Return what a dry run through the profile says."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    process = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--profile", str(profile), "--configfile", "config.yaml", "--dry-run", *arguments),
        ],
        cwd=folder,
        env=environment() | {"XDG_CONFIG_HOME": str(folder / "xdg")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout
    return process.stdout


def job_count(output, rule):
    (line,) = (line for line in output.splitlines() if line.strip().startswith(f"{rule} "))
    return int(line.split()[-1])


@pytest.mark.slow
def test_on_a_cluster_a_measuring_job_takes_one_checkpoint(tmp_path):
    output = plan(tmp_path, TINY)
    # 2 seeds, 3 steps; the configuration has chunks of 3.
    assert job_count(output, "features") == job_count(output, "pushdown probe") == 6
    output = plan(tmp_path, TINY, "--config", "chunk=3")
    assert job_count(output, "features") == 2


@pytest.mark.slow
def test_the_profile_is_found_by_its_name_once_it_is_linked(tmp_path):
    profiles = tmp_path / "xdg/snakemake"
    profiles.mkdir(parents=True)
    os.symlink(PROFILE, profiles / "slurm")
    assert job_count(plan(tmp_path, TINY, profile="slurm"), "features") == 6


def rules():
    """Return the text of every rule, by its name, or by the first words of a generated one's."""
    texts = {}
    for file in sorted((ROOT / "rules").glob("*.smk")):
        for text in re.split(r"^ *rule(?= \w*:| *:)", file.read_text(), flags=re.MULTILINE)[1:]:
            generated = re.search(r'name:\s+f"([^"]*)"', text)
            texts[generated[1] if generated else text.split(":")[0].strip()] = text
    return texts


def test_every_rule_says_what_memory_and_time_it_needs():
    assert len(rules()) > 14
    for name, text in rules().items():
        assert {"mem_mb", "runtime"} <= set(re.findall(r"^ +(\w+)=", text, re.MULTILINE)), name


def test_gpus_are_asked_for_by_the_rules_that_run_models_and_no_others():
    asking = {name for name, text in rules().items() if "gpu=" in text}
    assert {"pretrain_{run_name}", "features", "pushdown_probe"} <= asking
    for name in asking:
        assert "envs/models.yaml" in rules()[name], name


def partition(name=None, **asked):
    """Return the partition that the example table gives a job."""
    threads = asked.pop("threads", 1)
    job = SimpleNamespace(name=name, threads=threads, resources={"gpu": 0, **asked})
    table = read_partition_file(PROFILE / "partitions.yaml")
    return get_best_partition(table, job, logging.getLogger())


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"mem_mb": 1000, "runtime": 10}, "cpu"),
        ({"mem_mb": 170_000, "runtime": 24 * 60, "threads": 32}, "cpu"),
        ({"mem_mb": 4000, "runtime": 3 * 24 * 60}, "long"),
        ({"mem_mb": 4000, "runtime": 60, "gpu": 1}, "gpu"),
        ({"mem_mb": 4000, "runtime": 24 * 60, "gpu": 4, "threads": 4}, "gpu"),
        ({"mem_mb": 400_000, "runtime": 60}, "gpu"),
        ({"mem_mb": 4000, "runtime": 60, "gpu": 5}, None),
    ],
)
def test_a_job_goes_to_the_partition_that_takes_it(asked, expected):
    assert partition(**asked) == expected
