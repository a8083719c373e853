"""`python -m tests.benchmarks loop|desk|triage`: what the product's own steps cost, beside a bare reference in the same run."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tests.conftest  # noqa: F401 - the same ground as the tests: Postgres, settings, encoder
from tests.benchmarks import claim, context, ingest, recall
from tests.benchmarks import desk as desk_
from tests.benchmarks import triage as triage_
from tests.benchmarks.figures import Figure, Machine, write
from tests.stack import running_stack

SEED = int(os.environ.get("LABELHUB_SEED") or 1)


def loop() -> dict[str, Figure]:
    figures = {}
    with running_stack() as site:
        figures["context"] = context.context(site, seed=SEED)
        figures["recall"] = recall.recall(site, seed=SEED)
    with running_stack(inference=False) as site:
        figures["ingest_single"] = ingest.ingest_single(site)
        figures["ingest_batch50"] = ingest.ingest_batch50(site)
        figures["claim"] = claim.claim(site)
    return figures


def desk() -> dict[str, Any]:
    with running_stack(inference=False) as site:
        return desk_.desk(site)


def triage() -> dict[str, Any]:
    with running_stack() as site:
        return triage_.triage(site)


BENCHES: dict[str, Callable[[], dict[str, Any]]] = {"loop": loop, "desk": desk, "triage": triage}


def main(name: str) -> None:
    if name not in BENCHES:
        sys.exit(f"There is no benchmark {name!r}: BENCH is one of {', '.join(BENCHES)}.")
    machine = Machine()
    figures = BENCHES[name]()
    target = Path("var/bench") / f"{name}.json"
    write(figures, target, seed=SEED, machine=machine)
    for step, figure in figures.items():
        if not isinstance(figure, Figure):
            print(f"{step:26} {figure}")
            continue
        print(f"{step:16} {figure.value:10.1f} {figure.unit:9} {figure.ratio:6.2f} × the reference   {figure.about}")
    print(f"Of the time that the machine wanted, its host gave {machine.facts()['stolen']:.0%} to others.")
    print(f"Written to {target}.")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
