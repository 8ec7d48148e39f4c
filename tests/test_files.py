import hashlib
import os
import signal
import subprocess
import sys

import pytest

from ontogeny.files import atomic_path, resumable_folder, sha256


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_file_takes_its_place_when_the_block_is_done(tmp_path, old):
    path = tmp_path / "a.txt"
    if old:
        path.write_bytes(old)
    with atomic_path(path) as scratch:
        scratch.write_bytes(b"new")
        assert scratch.name == "a.txt"
        assert scratch.parent.parent == tmp_path
        assert (path.read_bytes() if path.exists() else None) == old
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.txt"]


def test_missing_folders_above_are_made(tmp_path):
    with atomic_path(tmp_path / "b" / "c" / "a.txt") as scratch:
        scratch.write_bytes(b"new")
    assert (tmp_path / "b" / "c" / "a.txt").read_bytes() == b"new"


def make_folder(path, content):
    (path / "inner").mkdir(parents=True)
    (path / "inner" / content).write_text(content)


def test_a_folder_replaces_a_folder_that_has_content(tmp_path):
    make_folder(tmp_path / "a", "old")
    with atomic_path(tmp_path / "a") as scratch:
        make_folder(scratch, "new")
        assert names(tmp_path / "a" / "inner") == ["old"]
    assert names(tmp_path / "a" / "inner") == ["new"]
    assert names(tmp_path) == ["a"]


def test_a_file_and_a_folder_replace_each_other(tmp_path):
    make_folder(tmp_path / "a", "old")
    with atomic_path(tmp_path / "a") as scratch:
        scratch.write_text("file")
    assert (tmp_path / "a").read_text() == "file"
    with atomic_path(tmp_path / "a") as scratch:
        make_folder(scratch, "new")
    assert names(tmp_path / "a" / "inner") == ["new"]
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("make", ["file", "folder"])
@pytest.mark.parametrize("to", ["file", "folder", "nothing"])
def test_a_link_is_replaced_and_what_it_led_to_stays(tmp_path, make, to):
    target = tmp_path / "target"
    if to == "file":
        target.write_text("old")
    elif to == "folder":
        make_folder(target, "old")
    (tmp_path / "a").symlink_to(target)
    with atomic_path(tmp_path / "a") as scratch:
        if make == "file":
            scratch.write_text("new")
        else:
            make_folder(scratch, "new")
    assert not (tmp_path / "a").is_symlink()
    assert (tmp_path / "a").is_file() == (make == "file")
    assert target.exists() == (to != "nothing")
    if to == "folder":
        assert names(target / "inner") == ["old"]


def write_half(path, error):
    with atomic_path(path) as scratch:
        scratch.write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", ["nothing", "file", "folder"])
def test_a_block_that_fails_leaves_everything_as_it_was(tmp_path, error, old):
    path = tmp_path / "a"
    if old == "file":
        path.write_text("old")
    elif old == "folder":
        make_folder(path, "old")
    before = names(tmp_path)
    with pytest.raises(error):
        write_half(path, error)
    assert names(tmp_path) == before
    if old == "file":
        assert path.read_text() == "old"
    elif old == "folder":
        assert names(path / "inner") == ["old"]


def test_a_block_that_makes_nothing_is_an_error_and_loses_nothing(tmp_path):
    make_folder(tmp_path / "a", "old")
    with (
        pytest.raises(FileNotFoundError, match="a: nothing was written in its place"),
        atomic_path(tmp_path / "a"),
    ):
        pass
    assert names(tmp_path / "a" / "inner") == ["old"]
    assert names(tmp_path) == ["a"]


KILLED = """
import os, signal, sys
from ontogeny.files import atomic_path
with atomic_path(sys.argv[1]) as scratch:
    scratch.write_text('half')
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_nothing_at_the_path_and_the_next_one_removes_the_rest(tmp_path):
    for name in ("a", "a.txt"):
        done = subprocess.run([sys.executable, "-c", KILLED, tmp_path / name], check=False)
        assert done.returncode == -signal.SIGKILL
    left = names(tmp_path)
    assert len(left) == 2
    assert all(name.startswith(".a.") for name in left)
    with atomic_path(tmp_path / "a.txt") as scratch:
        scratch.write_text("whole")
    # What was for another path is not touched.
    others = [name for name in left if not name.startswith(".a.txt.")]
    assert names(tmp_path) == [*others, "a.txt"]


def test_what_another_living_writer_has_so_far_stays(tmp_path):
    with atomic_path(tmp_path / "a") as first:
        first.write_text("first")
        with atomic_path(tmp_path / "a") as second:
            second.write_text("second")
        assert first.read_text() == "first"
    assert (tmp_path / "a").read_text() == "first"
    assert names(tmp_path) == ["a"]


def test_files_and_links_with_such_a_name_stay(tmp_path):
    (tmp_path / ".a.abcdefgh").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / ".a.12345678").symlink_to(tmp_path / "folder")
    before = names(tmp_path)
    with atomic_path(tmp_path / "a") as scratch:
        scratch.write_text("x")
    assert names(tmp_path) == sorted([*before, "a"])


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("x")
    with atomic_path(tmp_path / "a") as scratch:
        scratch.write_text("x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("size", [0, 1, 10_000_000])
def test_sha256_is_that_of_the_bytes(tmp_path, size):
    content = os.urandom(size)
    (tmp_path / "a").write_bytes(content)
    assert sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_what_an_attempt_left_stays_for_the_same_work_and_goes_before_other_work(tmp_path):
    folder = resumable_folder(tmp_path / "unfinished", {"seed": 0, "rate": 0.5})
    (folder / "state").write_text("half")
    assert resumable_folder(folder, {"rate": 0.5, "seed": 0}) == folder
    assert (folder / "state").exists()
    resumable_folder(folder, {"rate": 0.5, "seed": 1})
    assert not (folder / "state").exists()
    (folder / "state").write_text("half")
    (folder / "made-of.sha256").unlink()  # nobody's, or of another version
    resumable_folder(folder, {"rate": 0.5, "seed": 1})
    assert not (folder / "state").exists()
