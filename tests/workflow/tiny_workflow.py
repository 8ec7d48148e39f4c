"""A whole workflow, small enough for a test, and how to start it."""

import copy
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from ontogeny.studies import STUDIES

ROOT = Path(__file__).parent.parent.parent

# One study alone, for tests that disturb a workflow or plan one.
TINY = {
    "tier": "toy",
    "chunk": 3,
    "corpora": {
        "toyglish": {"kind": "grammar", "sentences": {"train": 600, "dev": 100, "test": 100}},
    },
    "runs": {
        "tiny": {
            "kind": "pretrain",
            "architecture": "bert",
            "corpus": "toyglish",
            "seeds": [0, 1],
            "steps": {"spacing": "log", "last": 40, "count": 3},
            "layers": 2,
            "heads": 2,
            "width": 32,
            "batch_size": 16,
            "state_every": 10,
        },
    },
    "studies": {
        "pushdown": {
            "runs": ["tiny"],
            "corpora": {"toyglish": "all"},
            "words": {"train": 1500, "dev": 500, "test": 500},
            "structural": {"epochs": 3},
            "bootstrap": 50,
        },
    },
}


def tiny(**changes):
    """Return the tiny configuration with changed keys, written as `runs__tiny__seeds=[0]`."""
    return changed(TINY, **changes)


def changed(config, **changes):
    """Return a configuration with changed keys, written as `runs__tiny__seeds=[0]`."""
    config = copy.deepcopy(config)
    for path, value in changes.items():
        *parents, last = path.split("__")
        entry = config
        for key in parents:
            entry = entry[key]
        entry[last] = value
    return config


def of_every_study():
    """Return a configuration of all studies: what each has in its `tiny.yaml`, put together."""
    config = tiny(
        chunk=6,
        runs__tiny__steps=[0, 4, 8, 16, 24, 32],
        runs__tiny__learning_rate=0.01,
        studies={},
    )
    for study in STUDIES:
        file = ROOT / "tests" / "studies" / study.name / "tiny.yaml"
        for key, entries in yaml.safe_load(file.read_text()).items():
            assert not config[key].keys() & entries, f"{file}: {key} has that already"
            config[key] |= entries
    return config


# What the tests of all studies look at once it has run to its end.
WHOLE = of_every_study()

# One job of each kind of rule, and little work for each. One rule draws figures for all that do:
# `save` puts the files of all of them into their places.
SMALL = tiny(
    runs__tiny__seeds=[0],
    runs__tiny__steps=[0, 10],
    studies__pushdown__corpora={"toyglish": ["upos", "tree_depth", "tree_distance"]},
    studies__pushdown__structural={"epochs": 1},
)
SMALL_TARGETS = (
    "results/claims.tsv",
    "results/figures/pushdown/heatmap.tiny.toyglish.svg",
    "results/tables/loss.parquet",
    "results/corpora/toyglish/minimal_pairs",
)


def made_by_jobs(folder):
    """Return the bytes of all files that the jobs of a workflow made in its folder, by path.

    Logs and benchmarks tell of times, and are left out.
    """
    files = {
        file.relative_to(folder): file
        for file in (folder / "results").rglob("*")
        if file.is_file() and file.name != ".snakemake_timestamp"
    }
    return {
        str(name): file.read_bytes()
        for name, file in files.items()
        if name.parts[1] not in ("logs", "benchmarks")
    }


def environment():
    return os.environ | {
        "HF_HUB_OFFLINE": os.environ.get("HF_HUB_OFFLINE", "1"),
        # Of this interpreter's environment, wherever the tests were started from.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def command(folder, config, *arguments, checkout=ROOT):
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(checkout / "Snakefile")),
        *("--workflow-profile", "none", "--directory", str(folder), "--configfile", str(file)),
        *("--cores", "2", "--rerun-incomplete", "--show-failed-logs", *arguments),
    ]


def snakemake(folder, config, *arguments, checkout=ROOT):
    """Run the workflow in a folder of its own; return the finished process, its output as text."""
    return subprocess.run(
        command(folder, config, *arguments, checkout=checkout),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def job_counts(process):
    """Return how many jobs of each rule a dry run would carry out, by the names of the rules."""
    table = re.search(r"^job\s+count\n-+\s+-+\n(.*?)\n\n", process.stdout, re.M | re.S)
    jobs = dict(line.split() for line in table.group(1).splitlines()) if table else {}
    return {rule: int(count) for rule, count in jobs.items() if rule not in ("all", "total")}


def planned_jobs(process):
    """Return the names of the rules that a dry run would carry out."""
    return set(job_counts(process))


def start(folder, config, *arguments):
    """Start the workflow in a process group of its own, so that a test can kill it."""
    with open(folder / "output.txt", "w") as output:
        return subprocess.Popen(
            command(folder, config, *arguments),
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def copy_of_checkout(folder):
    """Copy what the workflow consists of, tests and results left out, to a folder; return it."""
    folder.mkdir(parents=True)
    for name in ("config", "envs", "ontogeny", "report", "rules", "workflow"):
        shutil.copytree(ROOT / name, folder / name)
    for name in (".gitignore", "Makefile", "Snakefile", *map(str, ROOT.glob("requirements*.txt"))):
        shutil.copy(ROOT / name, folder)
    return folder


def in_storage(folder, *arguments):
    """Return the arguments that keep all files of a workflow in a folder as if it were far away.

    Nothing is taken to be on a disk that jobs share, and the local copies go as the jobs end.
    """
    provider = ("--default-storage-provider", "fs", "--default-storage-prefix", str(folder))
    return ("--shared-fs-usage", "none", *provider, *arguments)


def make_mortal(monkeypatch, path, deaths):
    """Have all jobs that start from now on die as `deaths.py` says, and leave a file for each."""
    shutil.copy(Path(__file__).parent / "deaths.py", path / "sitecustomize.py")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(path), os.environ["PYTHONPATH"]]))
    monkeypatch.setenv("DEATHS", str(deaths))
