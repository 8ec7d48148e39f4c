"""How long Snakemake takes to plan thousands of jobs, and how much memory."""

import re
import subprocess
import sys

import pytest
import yaml
from tiny_workflow import ROOT, command, environment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("disturbed")]

PAPER = yaml.safe_load((ROOT / "config" / "paper.yaml").read_text())
# Smaller chunks make more jobs: 1 is the hardest case.
CHUNK = 1
WAIT = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
sys.exit(status)
"""


def test_the_paper_tier_is_planned_within_a_minute_and_a_gigabyte_and_a_half(tmp_path):
    plan = tmp_path / "plan.txt"
    planning = command(tmp_path, PAPER | {"chunk": CHUNK}, "--dry-run", "--quiet", "rules")
    with open(plan, "w") as output:
        # A small process waits for it: what is forked from this one begins with its memory's peak.
        waiting = subprocess.run(
            [sys.executable, "-c", WAIT, *planning],
            env=environment(),
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert waiting.returncode == 0, plan.read_text()
    seconds, kilobytes = map(float, waiting.stderr.split()[-2:])
    total = re.search(r"^total +([0-9]+)$", plan.read_text(), re.M)
    assert int(total[1]) > 5000
    # Processor time, which another process on the machine doesn't lengthen as it does the clock's.
    assert seconds < 60  # 20 s on a quiet machine
    assert kilobytes < 1.5 * 2**20  # kB; 0.3 GB there
