"""Which paths of an interpreter a shell takes for one word: as the shell itself finds."""

import os
import string
import subprocess
import sys
from pathlib import Path

import pytest

from ontogeny.errors import InterpreterError
from ontogeny.interpreter import check_interpreter

ROOT = Path(__file__).parent.parent
# Every character that a file name may hold, and letters beyond ASCII, composed and not.
CHARACTERS = [c for c in map(chr, range(1, 128)) if c != "/"] + ["é", "e\u0301", "語", "\u00a0"]


def refused(path):
    try:
        check_interpreter(path)
    except InterpreterError:
        return True
    return False


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """The characters that may stand in the path of a program which bash is given unquoted.

    A pattern matches the neighbours too.
    """
    top = tmp_path_factory.mktemp("programs")
    lines = []
    for number, character in enumerate(CHARACTERS):
        program = top / f"a{character}b" / "program"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\ntouch {top}/{number}.started\n")
        program.chmod(0o755)
        lines.append(str(program))
    for line in lines:
        # As Snakemake starts a script.
        subprocess.run(
            ["bash", "-c", f"set -euo pipefail;  {line} 'a script.py'"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    numbers = {int(file.stem) for file in top.glob("*.started")}
    return {character for number, character in enumerate(CHARACTERS) if number in numbers}


def test_a_path_is_refused_just_where_a_shell_would_not_start_it(started):
    assert started > set(string.ascii_letters + string.digits)
    assert {c for c in CHARACTERS if not refused(f"/a{c}b/program")} == started


def test_the_message_names_path_and_character_and_what_to_do():
    with pytest.raises(InterpreterError) as error:
        check_interpreter("/home/me/My Drive/.venv/bin/python")
    told = str(error.value)
    assert told.startswith("/home/me/My Drive/.venv/bin/python: no job can be started")
    assert "with ' ' in its path" in told
    assert "make VENV=FOLDER" in told


@pytest.mark.parametrize(("folder", "status"), [("my drive", 1), ("drive", 0)])
def test_it_is_asked_on_the_command_line_before_anything_is_installed(tmp_path, folder, status):
    (tmp_path / folder).mkdir()
    process = subprocess.run(
        # Without what is installed beside Python.
        [sys.executable, "-I", "-S", "-c", ASK, str(ROOT), ".venv/bin/python"],
        cwd=tmp_path / folder,
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == status, process.stderr
    assert (f"{tmp_path}/my drive/.venv/bin/python: no job" in process.stderr) == bool(status)
    assert "Traceback" not in process.stderr


ASK = """
import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("ontogeny.interpreter", run_name="__main__", alter_sys=True)
"""
