"""A served demonstration and a real browser for the stories."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
PASSWORD = "till and token 4"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a fresh demonstration on a free port, on SQLite as `make demo` does."""
    folder = tmp_path_factory.mktemp("demo")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GRIDTILL_", "DJANGO_"))}
    environment.pop("DATABASE_URL", None)
    command = [str(Path(sys.executable).with_name("gridtill")), "demo", "--port", str(port), "--folder", str(folder)]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_up(port, server, folder / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(5)


def _wait_until_up(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(360):
        if server.poll() is not None:
            break
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            line.request("GET", "/healthz")
            if line.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.5)
        finally:
            line.close()
    pytest.fail(f"The demonstration did not start:\n{log.read_text(errors='replace')[-3000:]}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("NO BROWSER: Chromium is not installed, so the stories were not played. Install Debian's chromium.")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on(
        "console",
        lambda message: faults.append(f"{message.text} {message.location['url']}") if message.type == "error" else None,
    )
    yield opened
    context.close()
    # The browser itself reports refusals, cut lines and a sale that was asked for and is not there.
    expected = ("status of 409", "status of 422", "net::ERR_CONNECTION", "htmx:", "/counter/sold/")
    assert [fault for fault in faults if not any(part in fault for part in expected)] == []


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: a folder that is thrown away, or the one that GRIDTILL_IMAGES names."""
    named = os.environ.get("GRIDTILL_IMAGES")
    return Path(named) if named else tmp_path_factory.mktemp("images")
