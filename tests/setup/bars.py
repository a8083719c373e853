"""Bars: which tests prove which, with what result. A pytest plugin that writes them down, and a command that lists them."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

RESULTS: dict[str, dict[str, str]] = defaultdict(dict)  # bar id → {test: result}
COUNTS = {"tests": 0, "failed": 0}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bars", type=Path, default=None, help="write bar id → tests and results to this file")
    parser.addoption("--bars-add", action="store_true", help="to what an earlier part of the same run wrote there")


def of_this_run() -> dict[str, str]:
    """What its parts have in common."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    return {
        "commit": commit, "counts": os.environ.get("LABELHUB_COUNTS", "small"), "seed": os.environ.get("LABELHUB_SEED", "")
    }  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Said before an hour of tests, not after it."""
    target = config.getoption("--bars")
    if target and config.getoption("--bars-add") and target.exists() and not hasattr(config, "workerinput"):
        before = json.loads(target.read_text())
        if any(before[name] != value for name, value in of_this_run().items()):
            raise pytest.UsageError(f"{target} is of another commit, count or seed: remove it first.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:  # a user property travels with the report, also from the workers of xdist
        item.user_properties.append(("bars", [str(bar) for mark in item.iter_markers("bar") for bar in mark.args]))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when != "call" and report.outcome == "passed":
        return
    COUNTS["tests"] += report.when == "call"
    COUNTS["failed"] += report.failed
    for bar in dict(report.user_properties).get("bars", []):
        RESULTS[bar][report.nodeid] = report.outcome


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    target = session.config.getoption("--bars")
    if target is None or hasattr(session.config, "workerinput"):
        return
    facts: dict[str, Any] = {
        **of_this_run(),
        "passed": exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED),
        **COUNTS,
        "bars": {bar: dict(sorted(tests.items())) for bar, tests in sorted(RESULTS.items())},
    }
    if session.config.getoption("--bars-add") and target.exists():
        facts = joined(json.loads(target.read_text()), facts)
    target.write_text(json.dumps(facts, indent=1) + "\n")


def joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The facts of two parts of one run."""
    assert all(one[what] == other[what] for what in ("commit", "counts", "seed")), "these are parts of two runs"
    bars = {bar: one["bars"].get(bar, {}) | other["bars"].get(bar, {}) for bar in sorted(one["bars"] | other["bars"])}
    passed = one["passed"] and other["passed"]
    return other | {"passed": passed, "bars": bars} | {what: one[what] + other[what] for what in COUNTS}


def main(file: Path) -> None:
    if not file.exists():
        sys.exit(f"There is no {file}: run `make verify` first.")
    facts = json.loads(file.read_text())
    print(f"commit {facts['commit'][:10]}, counts {facts['counts']}, {facts['tests']} tests, {facts['failed']} failed")
    for bar, tests in facts["bars"].items():
        result = "passed" if set(tests.values()) == {"passed"} else "FAILED"
        print(f"{bar:14} {result:7} {', '.join(test.split('::')[-1] for test in tests)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
