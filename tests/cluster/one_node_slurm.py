"""A Slurm cluster of one node on this machine: how it is brought up, asked, and taken down."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

# The default place: a job's own srun reads it there, since jobs don't inherit SLURM_CONF.
CONF = Path("/etc/slurm/slurm.conf")
GPUS_CONF = CONF.with_name("gres.conf")
TEMPLATE = Path(__file__).parent / "slurm.conf.template"
MUNGE_SOCKET = Path("/run/munge/munge.socket.2")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
PATIENCE = 60  # seconds


def node_name():
    return socket.gethostname().split(".")[0]


def slurm(*command):
    """Run one of Slurm's commands and return what it prints."""
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert process.returncode == 0, f"{' '.join(command)}: {process.stdout}{process.stderr}"
    return process.stdout.strip()


def node_state():
    return slurm("sinfo", "--noheader", "--Node", "--format=%T")


class Job(NamedTuple):
    """What the controller knows of a job; `megabytes` and `gpus` are what it asked for."""

    id: str
    state: str
    megabytes: int
    gpus: int
    comment: str


def jobs(state="all"):
    """Return the jobs that the controller knows, oldest first, each task of an array by itself."""
    lines = slurm(
        *("squeue", "--noheader", "--array", "--sort=i", f"--states={state}"),
        "--Format=JobArrayID: ,State: ,MinMemory: ,tres-per-job: ,Comment: ",
    ).splitlines()
    return [
        Job(id, state, int(memory.rstrip("M")), 0 if gpus == "N/A" else int(gpus[-1]), comment)
        for id, state, memory, gpus, comment in (line.split() for line in lines)
    ]


@contextmanager
def cluster(folder, *, cpus=2, megabytes=32000):
    """Bring a cluster up, its state and logs in `folder`; take it down at the end.

    Every daemon is a child of this process and is ended by its own id.
    """
    assert_ready()
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    conf = TEMPLATE.read_text().format(
        node=node_name(),
        folder=folder,
        cpus=cpus,
        megabytes=megabytes,
        controller_port=free_port(),
        node_port=free_port(),
    )
    CONF.parent.mkdir(parents=True, exist_ok=True)
    CONF.write_text(conf)
    # Slurm counts device files as GPUs; what they are is for the job to find out.
    GPUS_CONF.write_text("Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n")
    daemons = []
    try:
        if not succeeds("munge", "-n"):
            daemons.append(start_munge(folder))
        daemons.append(start_daemon("slurmctld", "-D", "-c", log=folder / "slurmctld.out"))
        wait_until(lambda: succeeds("scontrol", "ping"))
        daemons.append(start_daemon("slurmd", "-D", "-c", log=folder / "slurmd.out"))
        wait_until(lambda: node_state() == "idle")
        yield folder
    finally:
        if len(daemons) > 1:
            slurm("scancel", "--user=root")
            wait_until(lambda: not jobs("PENDING,RUNNING,COMPLETING"))
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait(PATIENCE)
        CONF.unlink()
        GPUS_CONF.unlink()


def assert_ready():
    """Fail, and say why, where this machine can't have a cluster of its own."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    assert not missing, f"{', '.join(missing)}: not installed; run tests/cluster/install.sh as root"
    assert os.getuid() == 0, "a Slurm cluster is started by root only"
    ours = not CONF.exists() or TEMPLATE.read_text().splitlines()[0] in CONF.read_text()
    assert ours, f"{CONF} is of another cluster; this machine has a Slurm already"


def succeeds(*command):
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def start_munge(folder):
    munge = pwd.getpwnam("munge")
    MUNGE_SOCKET.parent.mkdir(parents=True, exist_ok=True)
    os.chown(MUNGE_SOCKET.parent, munge.pw_uid, munge.pw_gid)
    for name in ("/var/log/munge", "/var/lib/munge"):
        Path(name).mkdir(parents=True, exist_ok=True)
        os.chown(name, munge.pw_uid, munge.pw_gid)
    daemon = start_daemon(
        "munged",
        "--foreground",
        "--force",
        log=folder / "munged.out",
        user=munge.pw_uid,
        group=munge.pw_gid,
    )
    wait_until(lambda: succeeds("munge", "-n"))
    return daemon


def start_daemon(*command, log, **credentials):
    with open(log, "w") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, **credentials)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(condition, patience=PATIENCE):
    """Wait until the condition holds and return what it gives."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)
    return found
