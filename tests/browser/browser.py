# SPDX-License-Identifier: Apache-2.0
"""Drives a headless Chromium over a pipe (the DevTools protocol), with real mouse and key events.

    with Browser() as browser:
        browser.open("page.html")
        browser.click("#theme")
        assert browser.value("document.title") == "toll: …"

Everything that is asked is answered in order, so nothing here waits for a time. A command that is not answered within
TIMEOUT_S fails.
"""

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
TIMEOUT_S = 50


def program():
    """The browser's path, None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    def __init__(self, width=1200, height=900):
        self.width, self.height = width, height
        self.number = 0
        self.rest = b""
        self.errors = []

    def __enter__(self):
        self.home = tempfile.TemporaryDirectory(prefix="toll-browser-", ignore_cleanup_errors=True)
        to_read, self.to_write = os.pipe()
        self.to_read, to_write = os.pipe()
        # The browser reads commands from descriptor 3 and writes answers to 4.
        script = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'
        command = [program(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   "--disable-extensions", "--disable-background-networking", "--remote-debugging-pipe",
                   f"--user-data-dir={self.home.name}", f"--window-size={self.width},{self.height}", "about:blank"]
        self.process = subprocess.Popen(["bash", "-c", script, "bash", str(to_read), str(to_write)] + command,
                                        pass_fds=(to_read, to_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        targets = self.ask("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        self.session = None
        self.session = self.ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(domain + ".enable")
        return self

    def __exit__(self, *_):
        os.close(self.to_write)
        self.process.kill()
        self.process.wait()
        os.close(self.to_read)
        self.home.cleanup()

    session = None

    def read(self):
        """The next message; None when there is none in time."""
        end = time.monotonic() + TIMEOUT_S
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.to_read], [], [], max(0, end - time.monotonic()))
            piece = os.read(self.to_read, 1 << 16) if ready else b""
            if not piece:
                return None
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def note(self, message):
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(message["params"]["exceptionDetails"].get("exception", {}).get("description")))
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.errors.append(message["params"]["entry"]["text"])

    def ask(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.to_write, json.dumps(request).encode() + b"\0")
        while True:
            message = self.read()
            assert message is not None, f"the browser does not answer {method}"
            if message.get("id") == self.number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self.note(message)

    def open(self, path):
        """Returns when the page and its scripts have been loaded."""
        self.ask("Page.navigate", url=pathlib.Path(path).absolute().as_uri())
        while True:
            message = self.read()
            assert message is not None, f"the browser does not load {path}"
            self.note(message)
            if message.get("method") == "Page.loadEventFired":
                return

    def value(self, expression):
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def drawn(self):
        """Returns when what was asked of the page has been drawn."""
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def middle(self, selector):
        """Of an element, scrolled into view: x, y, width, height, the former two of its middle."""
        box = self.value(f"(() => {{ const e = document.querySelector({json.dumps(selector)}); if (!e) return null;"
                         " e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
                         " return [r.left + r.width / 2, r.top + r.height / 2, r.width, r.height]; })()")
        assert box, f"no element {selector}"
        return box

    def mouse(self, kind, x, y, **more):
        self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, selector):
        x, y, _, _ = self.middle(selector)
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, button="left", clickCount=1)
        self.mouse("mouseReleased", x, y, button="left", clickCount=1)
        self.drawn()

    def hover(self, x, y):
        self.mouse("mouseMoved", x, y)
        self.drawn()

    def drag(self, from_x, from_y, to_x, to_y, **more):
        self.mouse("mouseMoved", from_x, from_y)
        self.mouse("mousePressed", from_x, from_y, button="left", clickCount=1, **more)
        self.mouse("mouseMoved", (from_x + to_x) / 2, (from_y + to_y) / 2, button="left", buttons=1, **more)
        self.mouse("mouseMoved", to_x, to_y, button="left", buttons=1, **more)
        self.mouse("mouseReleased", to_x, to_y, button="left", clickCount=1, **more)
        self.drawn()

    def type(self, text):
        self.ask("Input.insertText", text=text)
        self.drawn()

    def key(self, key):
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key)
        self.drawn()

    def dark(self, is_dark):
        value = "dark" if is_dark else "light"
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def picture(self, path, selector=None, scale=1):
        """A PNG of the page, or of one element."""
        size = self.value("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": scale}
        if selector:
            box = self.value(f"(() => {{ const r = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
                             " return [r.left + scrollX, r.top + scrollY, r.width, r.height]; })()")
            clip.update(zip(("x", "y", "width", "height"), box))
        answer = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        pathlib.Path(path).write_bytes(base64.b64decode(answer["data"]))
