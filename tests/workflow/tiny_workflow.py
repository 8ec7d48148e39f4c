"""A whole workflow, small enough for a test, and how to start it."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent.parent

TINY = {
    "tier": "toy",
    "chunk": 2,
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
    config = copy.deepcopy(TINY)
    for path, value in changes.items():
        *parents, last = path.split("__")
        entry = config
        for key in parents:
            entry = entry[key]
        entry[last] = value
    return config


def environment():
    return os.environ | {
        "HF_HUB_OFFLINE": "1",
        # Of this interpreter's environment, wherever the tests were started from.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def command(folder, config, *arguments):
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--workflow-profile", "none", "--directory", str(folder), "--configfile", str(file)),
        *("--cores", "2", "--rerun-incomplete", "--show-failed-logs", *arguments),
    ]


def snakemake(folder, config, *arguments):
    """Run the workflow in a folder of its own; return the finished process, its output as text."""
    return subprocess.run(
        command(folder, config, *arguments),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


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
