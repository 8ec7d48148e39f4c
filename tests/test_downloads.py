"""Each fault of a server, of the line and of the disk, for a source and for a file of the hub."""

import errno
import fcntl
import io
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest
from hub_server import serving, sha256

from ontogeny.corpora.sources import SourceFile, fetch
from ontogeny.downloads import Part, Patience, RemoteFile, one_at_a_time, persist
from ontogeny.errors import DownloadError, SourceError
from ontogeny.runs.hub.requests import Hub
from ontogeny.runs.hub.snapshots import Snapshot, fetch_file

CONTENT = bytes(i * i % 251 for i in range(200_000))
OTHER = CONTENT[:-1] + b"?"
NAME = "model.safetensors"  # large, so that the server sends it from another host
COMMIT = "c" * 40
CUT = 120_000
ATTEMPTS = 3


def get_source(endpoint, folder):
    url = f"{endpoint}/a/model/resolve/{COMMIT}/{NAME}"
    pinned = SourceFile("corpus", NAME, url, sha256(CONTENT), len(CONTENT), "CC0")
    fetch("corpus", [pinned], folder, attempts=ATTEMPTS, pause=0.001)


def get_hub_file(endpoint, folder):
    file = RemoteFile(NAME, len(CONTENT), sha256(CONTENT))
    snapshot = Snapshot("a/model", "main", COMMIT, (file,))
    fetch_file(snapshot, file, folder / NAME, Hub(endpoint, Patience(ATTEMPTS, 0.001)))


# How each is had, and the error that tells why it can't be.
KINDS = {"source": (get_source, SourceError), "hub": (get_hub_file, DownloadError)}


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with serving() as server:
        server.branches["a/model"]["main"] = COMMIT
        server.commits["a/model", COMMIT] = {NAME: CONTENT}
        yield server


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def get(kind, server, tmp_path):
    """Get the file into `out` of the test's folder, by way of `out/{NAME}.part`."""
    return lambda: KINDS[kind][0](server.url, tmp_path / "out")


@pytest.fixture
def refused(kind):
    return KINDS[kind][1]


def misbehave(server, faults):
    for what, value in faults.items():
        if isinstance(value, list):
            getattr(server, what)[NAME] = list(value)
        else:
            setattr(server, what, value)


def leave(tmp_path, content):
    """Leave bytes as a process that was killed does."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f"{NAME}.part").write_bytes(content)


def files(tmp_path):
    return {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*")}


def rest(start):
    return f"bytes={start}-"


# What the server does, and the ranges that it is asked for until the file has come.
PASSING = {
    "nothing wrong": ({}, [None]),
    "cut off": ({"cuts": [CUT]}, [None, rest(CUT)]),
    "cut off before the first byte": ({"cuts": [0, 0]}, [None, None, None]),
    "cut off more often than there are attempts": (
        {"cuts": [1000] * 5},
        [None, *(rest(1000 * n) for n in range(1, 6))],
    ),
    "cut off, no ranges": ({"cuts": [CUT], "ignores_ranges": True}, [None, rest(CUT)]),
    "cut off, another range than asked for": (
        {"cuts": [CUT], "shifts_ranges": 7},
        [None, rest(CUT), None],
    ),
    "cut off, a range after the end": (
        {"cuts": [CUT], "shifts_ranges": len(CONTENT)},
        [None, rest(CUT), None],
    ),
    "cut off, no lengths": ({"cuts": [CUT], "tells_lengths": False}, [None, rest(CUT)]),
    "no lengths": ({"tells_lengths": False}, [None]),
    "silence": ({"cuts": [CUT], "stalls": 1.0}, [None, rest(CUT)]),
    **{
        f"answers {status}": ({"refusals": [(status, {})] * (ATTEMPTS - 1)}, [None])
        for status in (408, 429, 500, 502, 503, 504)
    },
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_costs_no_byte_that_came(server, get, tmp_path, monkeypatch, fault):
    for module in ("downloads", "runs.hub.requests"):
        monkeypatch.setattr(f"ontogeny.{module}.TIMEOUT", 0.3)
    faults, ranges = PASSING[fault]
    misbehave(server, faults)
    get()
    assert files(tmp_path) == {NAME: CONTENT}
    assert server.ranges(NAME) == ranges


# What an earlier process left, and the ranges that are asked for.
LEFT = {
    "nothing yet": (b"", [None]),
    "a part": (CONTENT[:CUT], [rest(CUT)]),
    "all of it": (CONTENT, []),
    "a part of another file": (b"?" * CUT, [rest(CUT), None]),
    "another file of the same size": (OTHER, [None]),
    "more than the file has": (CONTENT + b"?", [None]),
}


@pytest.mark.parametrize("left", LEFT)
def test_what_an_earlier_process_left_is_gone_on_with_if_it_is_of_the_file(
    server, get, tmp_path, left
):
    content, ranges = LEFT[left]
    leave(tmp_path, content)
    get()
    assert files(tmp_path) == {NAME: CONTENT}
    assert server.ranges(NAME) == ranges


def test_a_killed_process_keeps_what_came(server, kind, get, tmp_path):
    server.cuts[NAME] = [CUT]
    code = f"import test_downloads as t; t.get_and_be_killed({kind!r}, *t.sys.argv[1:])"
    child = subprocess.run(
        [sys.executable, "-c", code, server.url, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HF_HUB_OFFLINE": "0"},
        capture_output=True,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    assert files(tmp_path)[f"{NAME}.part"] == CONTENT[:CUT]
    get()
    assert files(tmp_path) == {NAME: CONTENT}
    assert server.ranges(NAME) == [None, rest(CUT)]


def get_and_be_killed(kind, endpoint, folder):
    """Be killed in the pause after the line was cut."""
    time.sleep = lambda seconds: os.kill(os.getpid(), signal.SIGKILL)
    KINDS[kind][0](endpoint, Path(folder) / "out")


# What the server does for ever, what is said of it, and how often it is asked.
LASTING = {
    **{
        f"answers {status}": ({"refusals": [(status, {})] * 9}, str(status), 1)
        for status in (400, 401, 403, 404, 410)
    },
    "answers 503": ({"refusals": [(503, {})] * 9}, r"503 .*\(3 attempts in a row", 3),
    "cut off": ({"cuts": [0] * 9}, r"\(3 attempts in a row", 3),
    "cut off, no ranges": (
        {"cuts": [CUT] * 9, "ignores_ranges": True},
        r"\(3 attempts in a row",
        3,
    ),
}


@pytest.mark.parametrize("fault", LASTING)
def test_a_fault_that_stays_is_told(server, get, refused, fault):
    faults, message, count = LASTING[fault]
    misbehave(server, faults)
    with pytest.raises(refused, match=message) as raised:
        get()
    assert any(name in str(raised.value) for name in (NAME, "a/model"))
    assert len([request for request in server.requests if request.route == "file"]) == count


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("http://127.0.0.1:9", r"Connect.*\(3 attempts.*Check the connection"),
        (
            "gopher://127.0.0.1",
            r"UnsupportedProtocol[^(]*\)?\. (Correct the url|Check HF_ENDPOINT)",
        ),
        ("http://127.0.0.1:port", r"InvalidURL[^(]*\. (Correct the url|Check HF_ENDPOINT)"),
    ],
)
def test_an_address_that_leads_nowhere_is_told(kind, refused, server, tmp_path, endpoint, message):
    with pytest.raises(refused, match=message):
        KINDS[kind][0](endpoint, tmp_path / "out")
    assert not files(tmp_path)


def test_an_address_that_leads_in_a_circle_is_told(server, get, refused):
    here = {"Location": f"{server.url}/a/model/resolve/{COMMIT}/{NAME}"}
    server.refusals[NAME] = [(302, here)] * 99
    with pytest.raises(refused, match="TooManyRedirects"):
        get()
    assert len(server.refusals[NAME]) > 70


@pytest.mark.parametrize(
    ("wrong", "tells_lengths"),
    [
        (OTHER, True),
        (OTHER, False),
        (CONTENT + b"?", True),
        (CONTENT + b"?", False),
        # Without its length an answer that is too short may have been cut off.
        (CONTENT[:-500], True),
        (b"", True),
    ],
)
def test_another_file_is_refused_with_both_hashes_and_does_not_stay(
    server, get, refused, tmp_path, wrong, tells_lengths
):
    server.tells_lengths = tells_lengths
    server.instead[NAME] = wrong
    with pytest.raises(refused, match=rf"{NAME}.* gives is [0-9a-f]{{64}}") as raised:
        get()
    assert sha256(CONTENT) in str(raised.value)
    assert f"{len(wrong)} bytes" in str(raised.value)
    if len(wrong) <= len(CONTENT):
        assert sha256(wrong) in str(raised.value)
    assert server.ranges(NAME) == [None]
    assert not files(tmp_path)


def test_what_never_ends_is_not_waited_for(server, get, refused):
    server.instead[NAME] = CONTENT * 100
    with pytest.raises(refused) as raised:
        get()
    came = re.search(r"\((\d+) bytes", str(raised.value))
    assert int(came[1]) < 2 * len(CONTENT)


def test_another_file_is_refused_after_starting_over_once(server, get, refused, tmp_path):
    leave(tmp_path, b"?" * CUT)
    server.instead[NAME] = OTHER
    with pytest.raises(refused, match=sha256(OTHER)):
        get()
    assert server.ranges(NAME) == [rest(CUT), None]
    assert not files(tmp_path)


def test_another_process_bytes_in_the_part_are_found(server, get, refused, monkeypatch):
    """As on a file system without locks; the hash of what came here is right."""
    append = Part.append

    def joined(part, blocks):
        append(part, blocks)
        with open(part.path, "ab") as other:
            other.write(b"?")

    monkeypatch.setattr(Part, "append", joined)
    with pytest.raises(refused, match=f"{len(CONTENT) + 1} bytes"):
        get()


def test_a_full_disk_is_told_with_the_file_and_what_came_is_kept(
    server, get, tmp_path, monkeypatch
):
    class FullDisk(io.FileIO):
        def write(self, block):
            if self.tell() + len(block) > CUT:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(block)

    part = tmp_path / "out" / f"{NAME}.part"
    with monkeypatch.context() as patch:
        patch.setattr("ontogeny.downloads.open", FullDisk, raising=False)
        with pytest.raises(OSError, match="No space left on device") as raised:
            get()
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(part))
    held = part.stat().st_size
    assert held > 0
    get()
    assert files(tmp_path) == {NAME: CONTENT}
    assert server.ranges(NAME) == [None, rest(held)]


def test_credentials_go_to_the_named_host_alone(server, kind, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    endpoint = server.url.replace("//", "//user:secret@") if kind == "source" else server.url
    KINDS[kind][0](endpoint, tmp_path / "out")
    sent = [(request.route, request.token is not None) for request in server.requests]
    assert sent == [("file", True), ("content", False)]


def test_no_compression_is_asked_for_since_a_range_counts_the_bytes_that_travel(server, get):
    get()
    assert [request.encoding for request in server.requests] == ["identity", "identity"]


def test_a_file_is_on_the_disk_before_it_has_its_name(server, get, tmp_path, monkeypatch):
    flushed, renamed = [], []
    fsync, replace = os.fsync, os.replace

    def flush(number):
        fsync(number)
        flushed.append(os.fstat(number).st_ino)

    def rename(source, target):
        assert os.stat(source).st_ino in flushed
        renamed.append(target)
        replace(source, target)

    monkeypatch.setattr("os.fsync", flush)
    monkeypatch.setattr("os.replace", rename)
    get()
    assert renamed == [tmp_path / "out" / NAME]


def test_a_part_on_another_file_system_is_copied(server, get, tmp_path, monkeypatch):
    replace = os.replace

    def refuse(source, target):
        if str(source).endswith(".part"):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        replace(source, target)

    monkeypatch.setattr("os.replace", refuse)
    get()
    assert files(tmp_path) == {NAME: CONTENT}


def test_of_two_processes_the_second_waits_and_takes_what_the_first_brought(
    server, tmp_path, caplog
):
    caplog.set_level(logging.INFO, "ontogeny")
    server.delay = 0.2
    threads = [
        threading.Thread(target=get_source, args=(server.url, tmp_path / "out")) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files(tmp_path) == {NAME: CONTENT}
    assert server.ranges(NAME) == [None]
    assert f"{NAME}: another process is fetching it; waiting" in caplog.text


def test_a_lock_on_a_file_that_was_removed_is_none(tmp_path, caplog):
    """Who waits for the first process may come at the same time as one that has just started."""
    caplog.set_level(logging.INFO, "ontogeny")
    file, entered = tmp_path / "a.lock", threading.Event()

    def lock():
        handle = os.open(file, os.O_RDWR | os.O_CREAT)
        fcntl.flock(handle, fcntl.LOCK_EX)
        return handle

    def wait():
        with one_at_a_time(tmp_path / "a", "a"):
            entered.set()

    first = lock()
    thread = threading.Thread(target=wait)
    thread.start()
    while "waiting" not in caplog.text:
        time.sleep(0.01)
    file.unlink()
    second = lock()
    os.close(first)
    assert not entered.wait(0.2)
    os.close(second)
    thread.join()
    assert entered.is_set()
    assert not file.exists()


def test_a_pause_that_the_server_asks_for_is_kept(server, get, monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    server.refusals[NAME] = [
        (429, {"ratelimit": '"api";r=0;t=55', "Retry-After": "7"}),
        (503, {"Retry-After": "7"}),
    ]
    get()
    assert slept == [55, 7]


def failing(sizes=()):
    """An action that always fails, and how far it has come: a size for each time it was tried."""
    came = [0]
    sizes = iter(sizes)

    def action():
        came.append(next(sizes, 0))
        raise httpx2.ReadError("cut")

    return action, came


def test_pauses_double_up_to_the_longest(monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    with pytest.raises(httpx2.ReadError):
        persist(failing()[0], "a file", Patience(9, 1.0))
    assert slept == [1, 2, 4, 8, 16, 32, 60, 60]


def test_more_than_ever_came_starts_the_count_of_attempts_anew():
    action, came = failing([1, 2, 3, 2, 3, 2])
    with pytest.raises(httpx2.ReadError):
        persist(action, "a file", Patience(3, 0.0), lambda: came[-1])
    assert came == [0, 1, 2, 3, 2, 3]
