"""How long Snakemake takes to plan thousands of jobs, and how much memory."""

import os
import re
import subprocess

import pytest
import yaml
from tiny_workflow import ROOT, command, environment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("disturbed")]

PAPER = yaml.safe_load((ROOT / "config" / "paper.yaml").read_text())
# Smaller chunks make more jobs: 1 is the hardest case.
CHUNK = 1


def test_the_paper_tier_is_planned_within_a_minute_and_a_gigabyte_and_a_half(tmp_path):
    plan = tmp_path / "plan.txt"
    with open(plan, "w") as output:
        process = subprocess.Popen(
            command(tmp_path, PAPER | {"chunk": CHUNK}, "--dry-run", "--quiet", "rules"),
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, plan.read_text()
    total = re.search(r"^total +([0-9]+)$", plan.read_text(), re.M)
    assert int(total[1]) > 5000
    # Processor time, which another process on the machine doesn't lengthen as it does the clock's.
    assert used.ru_utime + used.ru_stime < 60  # 20 s on a quiet machine
    assert used.ru_maxrss < 1.5 * 2**20  # kB; 0.3 GB there
