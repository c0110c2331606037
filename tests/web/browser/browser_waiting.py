"""Waiting for a page. Playwright's own `wait_for_function` needs eval, which our policy forbids."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE_S = 90.0
"""For what a machine with other work to do may take."""


def wait_until(page: "Page", expression: str) -> None:
    """Until an expression of JavaScript is true."""
    end = time.monotonic() + PATIENCE_S
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never came true: {expression}"
        page.wait_for_timeout(50)
