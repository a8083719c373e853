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
    parser.addoption("--bars-add", action="store_true", help="to what other tests of this commit wrote there")


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
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    facts: dict[str, Any] = {
        "commit": commit,
        "counts": os.environ.get("LABELHUB_COUNTS", "small"),
        "seed": os.environ.get("LABELHUB_SEED", ""),
        "passed": exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED),
        **COUNTS,
        "bars": {bar: dict(sorted(tests.items())) for bar, tests in sorted(RESULTS.items())},
    }
    before = json.loads(target.read_text()) if session.config.getoption("--bars-add") and target.exists() else None
    if before and all(before[what] == facts[what] for what in ("commit", "counts", "seed")):
        facts = joined(before, facts)
    target.write_text(json.dumps(facts, indent=1) + "\n")


def joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The facts of two runs at the same counts on one commit."""
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
