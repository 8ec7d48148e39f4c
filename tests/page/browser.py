"""A headless Chromium that a test drives by the DevTools protocol, over a pipe of its own."""

import base64
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Nothing but the page: no sandbox, which root can't have, and no traffic of the browser's own.
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # whatever it is, it can't be reached
    "--remote-debugging-pipe",
)
PATIENCE = 120  # seconds


def chromium():
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Tab:
    """A tab of the browser: what was said on its console, and what it fetched."""

    def __init__(self, write, read):
        self._write, self._read, self._last = write, read, 0
        self.complaints, self.requests = [], []
        self.shown = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = None
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Runtime", "Log", "Network", "Page"):
            self._call(f"{domain}.enable")

    def _call(self, method, **parameters):
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if getattr(self, "_session", None):
            message["sessionId"] = self._session
        self._write(message)
        while True:
            answer = self._read()
            if answer.get("id") == self._last:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._note(answer)

    def _note(self, event):
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(parameters["exceptionDetails"])
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
            self.complaints.append([argument.get("value") for argument in parameters["args"]])
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.complaints.append(parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])

    def open(self, path, width=1280, height=900, phone=False):
        """Open a file as on a screen of that size, and wait until its panels are drawn."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        self.shown = None if phone else path
        self.complaints.clear()
        self.requests.clear()
        self._call("Page.navigate", url=path.absolute().as_uri())
        until = time.monotonic() + PATIENCE
        while not self.run("Boolean(window.ontogeny?.ready)"):
            assert not self.complaints, self.complaints
            assert time.monotonic() < until, "the page isn't done"
            time.sleep(0.05)

    def run(self, script):
        """The value of an expression, once it is settled."""
        found = self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def point(self, x, y):
        """Move the mouse there."""
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def picture(self, path, whole=False):
        """Write what is to be seen as png."""
        shot = self._call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def tab(folder):
    """A tab of a browser whose profile lies in a folder."""
    to_browser, write_end = os.pipe()
    read_end, from_browser = os.pipe()

    def place():
        # Where Chromium looks for the pipe: file descriptors 3 and 4.
        ends = os.dup(to_browser), os.dup(from_browser)
        os.dup2(ends[0], 3)
        os.dup2(ends[1], 4)

    process = subprocess.Popen(
        [chromium(), *FLAGS, f"--user-data-dir={folder}"],
        preexec_fn=place,
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(from_browser)
    writer, reader = os.fdopen(write_end, "wb"), os.fdopen(read_end, "rb")
    rest = bytearray()

    def write(message):
        writer.write(json.dumps(message).encode() + b"\0")
        writer.flush()

    def read():
        while b"\0" not in rest:
            piece = reader.read1(65536)
            assert piece, "the browser has gone"
            rest.extend(piece)
        text, _, after = bytes(rest).partition(b"\0")
        rest[:] = after
        return json.loads(text)

    try:
        yield Tab(write, read)
    finally:
        process.kill()
        process.wait(PATIENCE)
        writer.close()
        reader.close()
