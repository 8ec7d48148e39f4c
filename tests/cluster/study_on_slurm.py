"""The workflow on this machine's cluster, through the profile that users have, or without it."""

import os
import subprocess
import sys
from pathlib import Path

import yaml
from one_node_slurm import jobs

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 1200  # seconds; a quiet machine takes a fraction of it

RUN = {
    "kind": "pretrain",
    "architecture": "bert",
    "corpus": "toyglish",
    "seeds": [0],
    "steps": {"spacing": "log", "last": 400, "count": 3},
    "layers": 2,
    "heads": 2,
    "width": 32,
    "batch_size": 16,
    "state_every": 20,
}
TOYGLISH = {"kind": "grammar", "sentences": {"train": 600, "dev": 100, "test": 100}}
STUDY = {
    "words": {"train": 1500, "dev": 500, "test": 500},
    "structural": {"epochs": 3},
    "bootstrap": 50,
}


def small(runs, tasks="all"):
    """Return a configuration with the given runs, small enough for a test."""
    return {
        "tier": "toy",
        "corpora": {"toyglish": TOYGLISH},
        "runs": runs,
        "studies": {"pushdown": {"runs": list(runs), "corpora": {"toyglish": tasks}, **STUDY}},
    }


def command(folder, config, *arguments):
    """Return the command that runs the workflow in `folder` through the Slurm profile.

    Its polling is quicker than the profile's. There is no accounting database to ask.
    """
    return [
        *base(folder, config),
        *("--profile", str(ROOT / "profiles/slurm")),
        *("--slurm-status-command", "squeue"),
        *("--slurm-init-seconds-before-status-checks", "2"),
        *arguments,
    ]


def base(folder, config):
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        # Fewer jobs than the profile's chunks of one checkpoint would make.
        *("--configfile", str(file), "--config", "chunk=6"),
    ]


def environment():
    """Return this process's environment, without what a test of Slurm must not find in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    return kept | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def on_slurm(folder, config, *arguments):
    """Run the workflow on the cluster to its end; return its output. It must succeed."""
    return run(folder, command(folder, config, *arguments))


def on_this_machine(folder, config, *targets):
    """Run the workflow without the cluster to its end; return its output. It must succeed."""
    plain = ("--workflow-profile", "none", "--cores", "2", *targets)
    return run(folder, [*base(folder, config), *plain])


def run(folder, call):
    process = subprocess.run(
        call,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert process.returncode == 0, process.stdout
    return process.stdout


def start(folder, config, *arguments):
    """Start the workflow on the cluster, in a process group of its own."""
    with open(folder / "output.txt", "w") as output:
        return subprocess.Popen(
            command(folder, config, *arguments),
            cwd=folder,
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def end(process, folder):
    """Wait for a started workflow, which must succeed."""
    status = process.wait(PATIENCE)
    assert status == 0, (folder / "output.txt").read_text()


def jobs_of(comment, state="all"):
    """Return the jobs of one rule or group, as `one_node_slurm.jobs` does; oldest first."""
    return [job for job in jobs(state) if job.comment == comment]


def contents(folder):
    """Return the bytes of all files of a folder that the workflow's jobs wrote."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != ".snakemake_timestamp"
    }
