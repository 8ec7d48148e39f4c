import hashlib
import logging
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ontogeny.corpora.sources import SourceFile, fetch, files_of, read_sources
from ontogeny.errors import SourceError

CONTENT = bytes(i * i % 251 for i in range(200_000))
PATH = "corpus/deep/a file.bin"


class Server(ThreadingHTTPServer):
    """A server on the loopback that misbehaves as its `faults` say, one for each request.

    A fault is a status to answer with, the number of bytes after which to cut the line, or None.
    """

    daemon_threads = True

    def __init__(self, content: bytes, ranges: bool):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.ranges = content, ranges
        self.faults: list[tuple[str, int] | None] = []
        self.asked: list[str | None] = []  # the Range header of each request
        self.sent = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/a"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append(self.headers.get("Range"))
        kind, number = (server.faults.pop(0) if server.faults else None) or ("", 0)
        if kind == "status":
            self.send_error(number)
            return
        body, start = server.content, 0
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if server.ranges and match:
            start = int(match[1])
            if start >= len(body):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        body = body[start:]
        if kind != "no length":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        body = body[:number] if kind in ("cut", "no length") and number else body
        server.sent += len(body)
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def serving(content: bytes = CONTENT, ranges: bool = True):
    server = Server(content, ranges)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def pinned(url, content=CONTENT, path=PATH):
    digest = hashlib.sha256(content).hexdigest()
    return [SourceFile("corpus", path, url, digest, len(content), "CC0")]


def get(sources, folder, **options):
    return fetch("corpus", sources, folder, pause=0.001, **options)


def below(folder: Path):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_is_downloaded_whole_and_nothing_else_is_left(tmp_path, ranges):
    with serving(ranges=ranges) as server:
        places = get(pinned(server.url), tmp_path)
    assert places == [tmp_path / PATH]
    assert places[0].read_bytes() == CONTENT
    assert below(tmp_path) == [PATH]
    assert server.asked == [None]


def test_a_download_that_was_cut_goes_on_where_it_stopped(tmp_path):
    with serving() as server:
        server.faults = [("cut", 120_000)]
        get(pinned(server.url), tmp_path)
        assert (tmp_path / PATH).read_bytes() == CONTENT
        first, second = server.asked
    assert first is None
    start = int(re.fullmatch(r"bytes=(\d+)-", second)[1])
    assert 100_000 < start <= 120_000
    assert server.sent == 120_000 + len(CONTENT) - start  # only the rest was sent


def test_a_download_that_another_call_left_goes_on_where_it_stopped(tmp_path):
    with serving() as server:
        server.faults = [("cut", 120_000), ("status", 503)]
        with pytest.raises(SourceError, match="answers 503"):
            get(pinned(server.url), tmp_path / "out", partial=tmp_path / "part", attempts=2)
        assert below(tmp_path / "part") == [f"{PATH}.part"]
        assert not below(tmp_path)[1:]
        get(pinned(server.url), tmp_path / "out", partial=tmp_path / "part")
    assert server.asked[0] is None
    assert server.asked[1] == server.asked[2] != "bytes=0-"
    assert (tmp_path / "out" / PATH).read_bytes() == CONTENT
    assert below(tmp_path / "part") == []


def test_a_server_without_ranges_is_asked_for_the_whole_again(tmp_path):
    with serving(ranges=False) as server:
        server.faults = [("cut", 120_000)]
        get(pinned(server.url), tmp_path)
    assert len(server.asked) == 2
    assert (tmp_path / PATH).read_bytes() == CONTENT


def test_an_answer_of_unknown_length_that_ends_early_is_resumed(tmp_path):
    with serving() as server:
        server.faults = [("no length", 50_000)]
        get(pinned(server.url), tmp_path)
    assert server.asked == [None, "bytes=50000-"]
    assert (tmp_path / PATH).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_a_passing_fault_is_tried_again(tmp_path, status):
    with serving() as server:
        server.faults = [("status", status)] * 2
        get(pinned(server.url), tmp_path, attempts=3)
        assert len(server.asked) == 3
    assert (tmp_path / PATH).read_bytes() == CONTENT


def test_attempts_without_progress_are_bounded(tmp_path):
    with serving() as server:
        server.faults = [("status", 503)] * 9
        with pytest.raises(
            SourceError, match=r"a file\.bin: can't be .* 503 .*4 attempts"
        ) as caught:
            get(pinned(server.url), tmp_path, attempts=4)
        assert len(server.asked) == 4
    assert "mirror" in str(caught.value)
    assert below(tmp_path) == []


def test_attempts_that_bring_something_are_not_counted(tmp_path):
    with serving() as server:
        server.faults = [("cut", 40_000)] * 5
        get(pinned(server.url), tmp_path, attempts=2)
    assert (tmp_path / PATH).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 403, 410])
def test_a_lasting_fault_is_not_tried_again(tmp_path, status):
    with serving() as server:
        server.faults = [("status", status)]
        with pytest.raises(SourceError, match=rf"{server.url} answers {status}.*Correct the url"):
            get(pinned(server.url), tmp_path)
        assert len(server.asked) == 1
    assert below(tmp_path) == []


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("wrong", [CONTENT[:-1] + b"x", CONTENT[:-500], CONTENT + b"more"])
def test_a_file_that_is_not_the_pinned_one_is_refused_with_both_hashes(tmp_path, wrong, ranges):
    with (
        serving(wrong, ranges) as server,
        pytest.raises(
            SourceError, match=r"a file\.bin: .*pinned is.*config/sources\.tsv"
        ) as caught,
    ):
        get(pinned(server.url), tmp_path)
    message = str(caught.value)
    assert hashlib.sha256(CONTENT).hexdigest() in message
    if len(wrong) <= len(CONTENT):
        assert hashlib.sha256(wrong).hexdigest() in message
    assert below(tmp_path) == []


def test_a_server_whose_file_is_too_short_is_not_asked_for_ever(tmp_path):
    with serving(CONTENT[:-500]) as server:
        server.faults = [("no length", 0)] * 50
        with pytest.raises(SourceError, match=r"3 attempts in a row"):
            get(pinned(server.url), tmp_path, attempts=3)
        assert len(server.asked) == 3


@pytest.mark.parametrize("rest", [b"x" * 10, b"x" * len(CONTENT), CONTENT + b"x"])
def test_what_an_earlier_call_left_is_dropped_if_it_is_of_another_file(tmp_path, rest):
    part = tmp_path / f"{PATH}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(rest)
    with serving() as server:
        get(pinned(server.url), tmp_path)
    assert (tmp_path / PATH).read_bytes() == CONTENT
    assert below(tmp_path) == [PATH]


def test_an_empty_file_is_downloaded(tmp_path):
    with serving(b"") as server:
        get(pinned(server.url, b""), tmp_path)
    assert (tmp_path / PATH).read_bytes() == b""


NOWHERE = "http://127.0.0.1:9/a"  # nothing listens on the discard port


def test_no_connection_is_said_with_what_to_do(tmp_path):
    with pytest.raises(SourceError, match=r"Connection.*Check the connection and run again"):
        get(pinned(NOWHERE), tmp_path, attempts=2)


def test_files_that_are_there_and_right_need_no_network(tmp_path):
    (tmp_path / PATH).parent.mkdir(parents=True)
    (tmp_path / PATH).write_bytes(CONTENT)
    before = (tmp_path / PATH).stat().st_mtime_ns
    assert get(pinned(NOWHERE), tmp_path) == [tmp_path / PATH]
    assert (tmp_path / PATH).stat().st_mtime_ns == before


@pytest.mark.parametrize("wrong", [b"", CONTENT[:-1], CONTENT[:-1] + b"x"])
def test_a_file_that_is_there_and_wrong_is_replaced(tmp_path, wrong):
    (tmp_path / PATH).parent.mkdir(parents=True)
    (tmp_path / PATH).write_bytes(wrong)
    with serving() as server:
        get(pinned(server.url), tmp_path)
    assert (tmp_path / PATH).read_bytes() == CONTENT


def test_the_mirror_is_looked_in_first(tmp_path):
    (tmp_path / "mirror" / PATH).parent.mkdir(parents=True)
    (tmp_path / "mirror" / PATH).write_bytes(CONTENT)
    get(pinned(NOWHERE), tmp_path / "out", mirror=tmp_path / "mirror")
    assert (tmp_path / "out" / PATH).read_bytes() == CONTENT
    assert not (tmp_path / "out" / PATH).is_symlink()
    assert below(tmp_path / "out") == [PATH]


@pytest.mark.parametrize("mirror", ["empty", "absent"])
def test_what_the_mirror_lacks_is_downloaded(tmp_path, mirror):
    (tmp_path / "empty").mkdir()
    with serving() as server:
        get(pinned(server.url), tmp_path / "out", mirror=tmp_path / mirror)
    assert (tmp_path / "out" / PATH).read_bytes() == CONTENT


def test_a_wrong_file_in_the_mirror_is_refused_with_both_hashes(tmp_path):
    (tmp_path / PATH).parent.mkdir(parents=True)
    (tmp_path / PATH).write_bytes(b"other")
    with pytest.raises(SourceError, match="Replace the file in the mirror") as caught:
        get(pinned(NOWHERE), tmp_path / "out", mirror=tmp_path)
    for content in (b"other", CONTENT):
        assert hashlib.sha256(content).hexdigest() in str(caught.value)
    assert str(tmp_path / PATH) in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_the_log_says_what_was_fetched(tmp_path, caplog):
    with serving() as server, caplog.at_level(logging.INFO, "ontogeny"):
        server.faults = [("status", 503)]
        get(pinned(server.url), tmp_path)
    assert "503" in caplog.text
    assert "source corpus: 1 files, 0.2 MB" in caplog.text


def test_an_unknown_source_is_refused_with_those_there_are():
    with pytest.raises(SourceError, match=r"'other' is unknown; .* has corpus"):
        files_of("other", pinned(NOWHERE))


HEADER = "source\tpath\turl\tsha256\tbytes\tlicence"
LINE = ["a", "a/b.txt", "https://x.org/b", "0" * 64, "12", 'say "x"']


def table(tmp_path, *lines, header=HEADER):
    path = tmp_path / "sources.tsv"
    path.write_text("\n".join([header, *("\t".join(line) for line in lines)]) + "\n")
    return path


def test_a_table_of_sources_is_read_as_it_stands(tmp_path):
    other = [*LINE[:1], "a/c.txt", *LINE[2:]]
    assert read_sources(table(tmp_path, LINE, other)) == [
        SourceFile("a", "a/b.txt", "https://x.org/b", "0" * 64, 12, 'say "x"'),
        SourceFile("a", "a/c.txt", "https://x.org/b", "0" * 64, 12, 'say "x"'),
    ]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (0, "", "source ''; expected a name"),
        (0, "../a", "expected a name"),
        (1, "/etc/passwd", "path '/etc/passwd'; expected a relative path"),
        (1, "a/../../b", "expected a relative path"),
        (1, "", "path ''; expected a relative path"),
        (2, "ftp://x", "url 'ftp://x'; expected http"),
        (3, "0" * 63, "expected 64 hexadecimal digits"),
        (3, "G" * 64, "expected 64 hexadecimal digits"),
        (4, "12.5", "bytes '12.5'; expected a number"),
        (4, "-1", "bytes '-1'; expected a number"),
        (5, "x\ty", "7 columns; expected 6"),
    ],
)
def test_a_malformed_line_is_refused_with_its_number(tmp_path, column, value, message):
    wrong = [*LINE[:column], value, *LINE[column + 1 :]]
    path = table(tmp_path, [*LINE[:1], "z", *LINE[2:]], wrong)
    with pytest.raises(SourceError, match=message) as caught:
        read_sources(path)
    assert str(caught.value).startswith(f"{path}, line 3: ")


def test_a_path_on_two_lines_a_wrong_header_and_no_file_are_refused(tmp_path):
    with pytest.raises(SourceError, match=r"line 3: path a/b\.txt is on line 2 too"):
        read_sources(table(tmp_path, LINE, LINE))
    with pytest.raises(SourceError, match=r"line 1: is \['source', 'path'\]; expected the columns"):
        read_sources(table(tmp_path, header="source\tpath"))
    with pytest.raises(SourceError, match="can't be read"):
        read_sources(tmp_path / "none.tsv")


def test_the_table_of_the_project_is_well_formed():
    sources = read_sources(Path(__file__).parents[2] / "config" / "sources.tsv")
    assert {file.source for file in sources} >= {"ud-ewt", "gum", "wikitext-2", "blimp"}
    assert all(file.path.startswith(f"{file.source}/") for file in sources)
