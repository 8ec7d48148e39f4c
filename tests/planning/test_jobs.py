import subprocess
import sys

import pytest

PREAMBLE = """
import errno, logging, os, subprocess, sys
from ontogeny.errors import CorpusError
from ontogeny.planning.jobs import job
"""


def run(tmp_path, code, first=""):
    """Run code in a process of its own; return the process and the content of log.txt."""
    done = subprocess.run(
        [sys.executable, "-c", f"{first}\n{PREAMBLE}\n{code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    return done, (tmp_path / "log.txt").read_text()


def test_messages_and_output_of_the_block_and_its_children_go_to_the_log(tmp_path):
    done, log = run(
        tmp_path,
        "print('before')\n"
        "with job('log.txt') as logger:\n"
        "    logger.info('a message')\n"
        "    logging.getLogger('ontogeny').warning('a warning')\n"
        "    print('printed')\n"
        "    print('complaint', file=sys.stderr)\n"
        "    subprocess.run(['sh', '-c', 'echo child; echo child error >&2'])\n"
        "print('after')\n",
    )
    assert done.returncode == 0
    assert (done.stdout, done.stderr) == ("before\nafter\n", "")
    for text in ("INFO a message", "WARNING a warning", "printed", "complaint", "child error"):
        assert log.count(text) == 1
    assert "before" not in log
    assert "done in" in log.splitlines()[-1]


def test_wrong_input_ends_the_job_with_its_message_alone(tmp_path):
    done, log = run(
        tmp_path,
        "with job('log.txt'):\n    raise CorpusError('a.conllu, line 3: wrong')\nprint('after')",
    )
    assert done.returncode == 1
    assert done.stderr == "CorpusError: a.conllu, line 3: wrong\n"
    assert done.stdout == ""
    assert "ERROR a.conllu, line 3: wrong" in log
    assert "Traceback" not in log
    assert "done in" not in log


def test_any_other_error_goes_on_with_its_traceback_in_the_log(tmp_path):
    done, log = run(tmp_path, "with job('log.txt'):\n    raise OSError(errno.EACCES, 'no', 'a')")
    assert done.returncode == 1
    assert "PermissionError" in done.stderr
    for text in ("an unexpected error", "Traceback", "PermissionError"):
        assert text in log


@pytest.mark.parametrize("code", ["ENOSPC", "EDQUOT"])
def test_a_full_disk_is_said_in_a_line_with_the_file(tmp_path, code):
    done, log = run(
        tmp_path,
        "with job('log.txt'):\n"
        f"    raise OSError(errno.{code}, os.strerror(errno.{code}), 'big.bin')",
    )
    assert done.returncode == 1
    assert done.stderr.startswith("big.bin: ")
    assert done.stderr.count("\n") == 1
    assert "what was finished is kept" in done.stderr
    assert "Traceback" not in log


def test_a_disk_that_is_really_full_is_said_in_a_line(tmp_path):
    done, log = run(
        tmp_path,
        "with job('log.txt'), open('/dev/full', 'w') as handle:\n"
        "    handle.write('x')\n    handle.flush()",
    )
    assert done.returncode == 1
    assert "Free some space" in done.stderr
    assert "Traceback" not in log


@pytest.mark.slow
@pytest.mark.parametrize(("first", "threads"), [("import numpy, torch", 1), ("", 2)])
def test_threads_are_bound_for_libraries_loaded_before_and_after(tmp_path, first, threads):
    done, log = run(
        tmp_path,
        f"with job('log.txt', threads={threads}):\n"
        "    import numpy, torch, threadpoolctl\n"
        "    pools = {pool['num_threads'] for pool in threadpoolctl.threadpool_info()}\n"
        "    print('pools', pools, 'torch', torch.get_num_threads())\n"
        "    subprocess.run(['sh', '-c', 'echo child $OMP_NUM_THREADS'])\n",
        first=f"import os; os.environ['OMP_NUM_THREADS'] = '4'\n{first}",
    )
    assert done.returncode == 0, log
    assert f"pools {{{threads}}} torch {threads}" in log
    assert f"child {threads}" in log


def test_a_log_is_started_anew(tmp_path):
    (tmp_path / "log.txt").write_text("of an earlier job\n")
    _, log = run(tmp_path, "with job('log.txt'):\n    pass")
    assert "earlier" not in log
