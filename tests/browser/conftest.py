"""Pages in a real browser: Chromium without a window, driven by Playwright."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"

# Addresses that need no network.
OWN = ("file:", "data:", "blob:", "about:")


def _do_without(what):
    """Skip where something is not installed; where everything must be, fail."""
    reason = f"{what} is not installed: .ci/run installs it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def compiler():
    """The compiler of TypeScript, which checks the types of JavaScript too."""
    program = HERE / "node_modules" / ".bin" / "tsc"
    if shutil.which("node") is None or not program.exists():
        _do_without("TypeScript")
    return program


@pytest.fixture(scope="session")
def chromium():
    """A browser for all tests of a process."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        _do_without("Chromium")
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def profile(chromium):
    """Return a function that opens a profile, which keeps what pages store."""

    @contextmanager
    def open_profile(**options):
        context = chromium.new_context(accept_downloads=True, **options)
        troubles = []
        context.on("request", lambda request: _note_request(request, troubles))
        context.on("weberror", lambda error: troubles.append(str(error.error)))
        context.on("console", lambda message: _note_message(message, troubles))
        yield context
        context.close()
        assert troubles == []

    return open_profile


def _note_request(request, troubles):
    if not request.url.startswith(OWN):
        troubles.append(f"a request left the page: {request.url}")


def _note_message(message, troubles):
    if message.type == "error":
        troubles.append(message.text)


@pytest.fixture
def find_barriers():
    """Return a function that lists what axe-core finds serious on a page."""
    if not AXE.is_file():
        _do_without("axe-core")

    def find(page):
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate("() => axe.run()")
        return [
            f"{each['id']}: {each['nodes'][0]['html']}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]

    return find
