"""A hub on the loopback address: it speaks the protocol as huggingface_hub uses it, and misbehaves.

Small files are served at once; large ones (weights), as on the hub, by a redirect to another host.
"""

import hashlib
import json
import re
import threading
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOCK = threading.Lock()
LARGE = (".safetensors", ".bin", ".h5", ".msgpack")
# The first that fits an address is it.
ROUTES = {
    "content": re.compile(r"/content/(?P<digest>\w+)/(?P<name>.+)"),
    "file": re.compile(r"/(?P<repository>.+)/resolve/(?P<revision>[^/]+)/(?P<name>.+)"),
    "refs": re.compile(r"/api/models/(?P<repository>.+)/refs"),
    "info": re.compile(r"/api/models/(?P<repository>.+?)(?:/revision/(?P<revision>[^/]+))?"),
}


@dataclass(frozen=True)
class Request:
    """A request that came: its route (info, refs, file, content), and what it said."""

    route: str
    method: str
    name: str
    range: str | None
    token: str | None
    encoding: str | None


@dataclass
class Hub:
    """What the server holds, how it is to misbehave, and what was asked of it."""

    url: str = ""
    port: int = 0
    contents: dict[str, bytes] = field(default_factory=dict)
    commits: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    requests: list[Request] = field(default_factory=list)
    # Misbehaviour, by the name of a file ("info" for the listing of a repository).
    refusals: dict[str, list[tuple[int, dict]]] = field(default_factory=lambda: defaultdict(list))
    cuts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    instead: dict[str, bytes] = field(default_factory=dict)
    ignores_ranges: bool = False
    shifts_ranges: int = 0  # by how many bytes another range is sent than the one asked for
    tells_lengths: bool = True
    stalls: float = 0.0  # seconds of silence before a file that is cut off ends
    lists_sizes: bool = True
    token: str | None = None
    gated: bool = False
    delay: float = 0.0  # seconds before a large file is sent
    sending: int = 0  # large files that are on their way
    most_at_once: int = 0

    def publish(self, repository, folder, revision="main"):
        """Put the files of a folder under a revision of a repository; return the commit."""
        files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
        parts = [repository, revision, *(f"{n} {sha256(c)}" for n, c in files.items())]
        commit = hashlib.sha1("\n".join(parts).encode()).hexdigest()
        self.commits[repository, commit] = files
        self.branches[repository][revision] = commit
        return commit

    def fetched(self):
        """Return the names of the files whose content was asked for, in order, each time."""
        return [
            request.name
            for request in self.requests
            if request.method == "GET"
            and (
                request.route == "content"
                or (request.route == "file" and not request.name.endswith(LARGE))
            )
        ]

    def ranges(self, name):
        """Return the range that each request for the content of a large file asked for."""
        return [r.range for r in self.requests if r.route == "content" and r.name == name]


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Say nothing of clients that hang up in the middle: tests have them do so."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        matches = {route: pattern.fullmatch(path) for route, pattern in ROUTES.items()}
        route, match = next((item for item in matches.items() if item[1]), ("", None))
        if match is None:
            return self.answer(404, {}, b"{}")
        asked = {"name": route, **match.groupdict()}
        token = self.headers.get("authorization")
        said = (self.headers.get(name) for name in ("range", "authorization", "accept-encoding"))
        self.hub.requests.append(Request(route, self.command, asked["name"], *said))
        if self.hub.refusals[asked["name"]]:
            status, headers = self.hub.refusals[asked["name"]].pop(0)
            return self.answer(status, headers, b"{}")
        if route == "content":
            with self.counted():
                return self.send_content(asked["name"], self.hub.contents[asked["digest"]])
        if self.hub.token and token != f"Bearer {self.hub.token}":
            code = "GatedRepo" if self.hub.gated else "RepoNotFound"
            return self.answer(403 if self.hub.gated else 401, {"X-Error-Code": code}, b"{}")
        repository = asked["repository"]
        if repository not in self.hub.branches:
            return self.answer(404, {"X-Error-Code": "RepoNotFound"}, b"{}")
        if route == "refs":
            return self.answer(200, {}, json.dumps(self.refs(repository)).encode())
        revision = asked["revision"] or "main"
        commit = self.hub.branches[repository].get(revision, revision)
        files = self.hub.commits.get((repository, commit))
        if files is None:
            return self.answer(404, {"X-Error-Code": "RevisionNotFound"}, b"{}")
        if route == "info":
            return self.answer(200, {}, json.dumps(self.info(repository, commit, files)).encode())
        return self.send_file(asked["name"], commit, files)

    @contextmanager
    def counted(self):
        with LOCK:
            self.hub.sending += 1
            self.hub.most_at_once = max(self.hub.most_at_once, self.hub.sending)
        if self.hub.delay:
            time.sleep(self.hub.delay)
        try:
            yield
        finally:
            with LOCK:
                self.hub.sending -= 1

    def refs(self, repository):
        branches = [
            {"name": name, "ref": f"refs/heads/{name}", "targetCommit": commit}
            for name, commit in self.hub.branches[repository].items()
        ]
        return {"branches": branches, "tags": [], "converts": []}

    def info(self, repository, commit, files):
        siblings = []
        for name, content in files.items():
            sibling = {"rfilename": name}
            if self.hub.lists_sizes:
                sibling |= {"size": len(content), "blobId": git_sha1(content)}
                if name.endswith(LARGE):
                    lfs = {"size": len(content), "sha256": sha256(content), "pointerSize": 134}
                    sibling["lfs"] = lfs
            siblings.append(sibling)
        return {"id": repository, "modelId": repository, "sha": commit, "siblings": siblings}

    def send_file(self, name, commit, files):
        headers = {"X-Repo-Commit": commit}
        if name not in files:
            return self.answer(404, {**headers, "X-Error-Code": "EntryNotFound"}, b"{}")
        content = files[name]
        if not name.endswith(LARGE):
            return self.send_content(name, content, {**headers, "ETag": f'"{git_sha1(content)}"'})
        digest = sha256(content)
        self.hub.contents[digest] = content
        headers["X-Linked-Etag"] = f'"{digest}"'
        headers["X-Linked-Size"] = str(len(content))
        # Another name of the same machine is another host, to which no token may go.
        headers["Location"] = f"http://localhost:{self.hub.port}/content/{digest}/{name}"
        return self.answer(302, headers, b"")

    def send_content(self, name, content, headers=None):
        content = self.hub.instead.get(name, content)
        headers = {"Accept-Ranges": "bytes", **(headers or {})}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range") or "")
        start = int(asked[1]) + self.hub.shifts_ranges if asked else 0
        if self.hub.ignores_ranges:
            start = 0
        if start >= len(content) > 0:
            return self.answer(416, {}, b"")
        status = 206 if start else 200
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = self.hub.cuts[name].pop(0) if self.hub.cuts[name] else None
        return self.answer(status, headers, content[start:], cut)

    def answer(self, status, headers, body, cut=None):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if self.hub.tells_lengths:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "GET":
            with suppress(ConnectionError):  # who asked has heard enough
                self.wfile.write(body[:cut])
        if cut is not None:
            self.wfile.flush()
            time.sleep(self.hub.stalls)
            self.close_connection = True

    def log_message(self, *arguments):
        pass


@contextmanager
def serving():
    """Run a hub in a thread of this process."""
    hub = Hub()
    server = Server(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.port = server.server_address[1]
    hub.url = f"http://127.0.0.1:{hub.port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
