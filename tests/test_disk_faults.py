"""A disk that can't be written: said before the jobs where it can be, else by the job in a line."""

import errno
import os
import subprocess
import sys

import pytest

from ontogeny.errors import OntogenyError
from ontogeny.files import check_writable

ADVICE = {errno.ENOSPC: "Free some space", errno.EDQUOT: "Free some space"}
ADVICE |= {errno.EROFS: "Make it writable"}


def told(tmp_path, code):
    """Return what a process says on the terminal that runs a job's code and ends with status 1."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import errno, os, sys\nfrom ontogeny.planning.jobs import job\n{code}",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("fault", ADVICE)
def test_a_fault_of_the_disk_is_told_with_the_file_and_what_to_do(tmp_path, fault):
    code = f"with job('log.txt'):\n    raise OSError({fault}, os.strerror({fault}), 'a/b')\n"
    expected = f"a/b: {os.strerror(fault)}. {ADVICE[fault]} and run the workflow again; what was "
    assert told(tmp_path, code) == f"{expected}finished is kept.\n"


def test_a_log_that_can_not_be_opened_is_told_in_a_line(tmp_path):
    code = (
        "import builtins\n"
        "def refuse(name, *_, **__):\n"
        "    raise OSError(errno.EROFS, os.strerror(errno.EROFS), name)\n"
        "import ontogeny.planning.jobs\n"
        "ontogeny.planning.jobs.open = refuse\n"
        "with job('log.txt'):\n    pass\n"
    )
    assert told(tmp_path, code) == (
        "log.txt: Read-only file system. Make it writable and run the workflow again; what was "
        "finished is kept.\n"
    )


def test_output_that_a_full_log_can_not_take_hides_no_message(tmp_path):
    code = (
        "with job('/dev/full'):\n"
        "    print('something')\n"
        "    raise OSError(errno.ENOSPC, 'No space left on device', 'results/x')\n"
    )
    assert "No space left on device. Free some space and run the workflow" in told(tmp_path, code)


@pytest.mark.parametrize("below", ["", "a", "a/b/c"])
def test_a_folder_that_can_be_made_is_writable(tmp_path, below):
    check_writable(tmp_path / below)


def test_a_folder_that_can_not_be_written_is_refused_by_name(tmp_path, monkeypatch):
    (tmp_path / "results").mkdir()
    # To a privileged user all is allowed but what is mounted read-only: ask instead of trying.
    monkeypatch.setattr(os, "access", lambda place, mode: place != tmp_path / "results")
    check_writable(tmp_path)
    for below in ("results", "results/a/b"):
        with pytest.raises(OntogenyError, match="can't be written") as raised:
            check_writable(tmp_path / below)
        assert str(raised.value).startswith(f"{tmp_path / 'results'}: ")
