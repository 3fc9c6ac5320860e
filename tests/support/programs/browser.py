"""A real Chromium without a window, driven through chromedriver by W3C WebDriver over HTTP."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

Point = tuple[float, float]

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
MISSING = "" if CHROMIUM and DRIVER else "no browser: apt-get install chromium chromium-driver"

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of element references, W3C WebDriver 12
_OPTIONS = {
    "binary": CHROMIUM,
    "args": [
        "--headless=new",
        "--no-sandbox",  # in containers the tests are root, whom the sandbox refuses
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ],
}


class Browser:
    """One window. The address is that of chromedriver."""

    def __init__(self, address: str) -> None:
        self._address = address
        capabilities = {"goog:chromeOptions": _OPTIONS, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._send("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._session = f"/session/{made['sessionId']}"

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = Request(
            self._address + path,
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        with urlopen(request, timeout=60) as response:
            return json.load(response)["value"]

    def _post(self, path: str, **body: Any) -> Any:
        return self._send("POST", self._session + path, body)

    def quit(self) -> None:
        self._send("DELETE", self._session)

    def open(self, url: str) -> None:
        self._post("/url", url=url)

    def run(self, script: str, *arguments: Any) -> Any:
        """What the body of a JavaScript function returns."""
        return self._post("/execute/sync", script=script, args=arguments)

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def until(self, condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
        """The first true value of `condition`."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(0.02)
        return value

    def click(self, selector: str) -> None:
        found = self._post("/element", using="css selector", value=selector)
        self._post(f"/element/{found[_ELEMENT]}/click")

    def keys(self, keys: str | Sequence[str]) -> None:
        """Press and release each key in turn, where the focus is."""
        actions = [{"type": t, "value": k} for k in keys for t in ("keyDown", "keyUp")]
        self._post("/actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def chord(self, *keys: str) -> None:
        """Press keys together."""
        actions = [{"type": "keyDown", "value": key} for key in keys]
        actions += [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self._post("/actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def drag(
        self, selector: str, points: Sequence[Point], pointer: str = "mouse", lift: bool = True
    ) -> None:
        """Drag a "mouse", "pen" or "touch" through points, in fractions of an element's box."""
        x, y, width, height = self.run(
            "const e = document.querySelector(arguments[0]);"
            "e.scrollIntoView({block: 'nearest'}); const b = e.getBoundingClientRect();"
            "return [b.left, b.top, b.width, b.height]",
            selector,
        )
        at = [(round(x + u * width), round(y + v * height)) for u, v in points]
        moves = [{"type": "pointerMove", "x": u, "y": v, "duration": 16} for u, v in at]
        down, up = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
        actions = [moves[0], down, *moves[1:], *([up] if lift else [])]
        parameters = {"pointerType": pointer}
        source = {"type": "pointer", "id": pointer, "parameters": parameters, "actions": actions}
        self._post("/actions", actions=[source])

    def release(self) -> None:
        """Lift every pointer and key."""
        self._send("DELETE", f"{self._session}/actions")

    def view(self, width: int, height: int, *, phone: bool = False, dark: bool = False) -> None:
        """Show pages at this size in CSS pixels, as a phone would, in light or dark colours."""
        scale = 2 if phone else 1
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone}
        self._devtools("Emulation.setDeviceMetricsOverride", size)
        self._devtools("Emulation.setTouchEmulationEnabled", {"enabled": phone})
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._devtools("Emulation.setEmulatedMedia", {"features": [scheme]})

    def _devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        return self._post("/goog/cdp/execute", cmd=command, params=parameters)

    def screenshot(self, path: Path) -> None:
        """The whole page, not only what is in view."""
        shot = self._devtools("Page.captureScreenshot", {"captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(shot["data"]))

    def errors(self) -> list[str]:
        """What went wrong on pages since the last call: scripts, policies, failed requests."""
        entries = self._post("/se/log", type="browser")
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a fresh profile, gone afterwards."""
    assert DRIVER
    driver = subprocess.Popen(
        [DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert driver.stdout
        said = (re.search(r"successfully on port (\d+)", line) for line in driver.stdout)
        port = next(match[1] for match in said if match)
        window = Browser(f"http://127.0.0.1:{port}")
        try:
            yield window
        finally:
            window.quit()
    finally:
        driver.terminate()
        driver.communicate()
