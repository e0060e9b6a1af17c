# SPDX-License-Identifier: MIT OR Apache-2.0
"""A plugin of pytest's that ends its output as other test programs end theirs."""

from _pytest.terminal import TerminalReporter


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """The line by which .ci/run counts tests, as other test programs end with it."""
    count = {
        name: len(terminalreporter.getreports(name))
        for name in ("passed", "failed", "error", "skipped")
    }
    failed = count["failed"] + count["error"]
    terminalreporter.write_line(
        f"test result: {'FAILED' if failed else 'ok'}. {count['passed']} passed; {failed} failed; "
        f"{count['skipped']} ignored"
    )
