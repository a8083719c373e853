"""`python -m training.lm run | count | evaluate DIR`, `serve …`, `starter …`. Arguments are everything."""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from training.lm.contract import LOG, Exit, read_status
from training.lm.parent import end_with_parent
from training.lm.work import Busy

# what the libraries below read while they are imported; nothing of ours reads the environment
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
    "TRANSFORMERS_VERBOSITY": "error",
    "TQDM_DISABLE": "1",
}
IN_FOLDER = {"run": "training.lm.run", "count": "training.lm.count", "evaluate": "training.lm.evaluate"}
WITH_OPTIONS = {"serve": "training.lm.serve.command", "starter": "training.lm.starter.command"}


def main(argv: Sequence[str]) -> int:
    """The process's exit code: see `contract.Exit`."""
    os.environ.update(ENVIRONMENT)
    # between the pinned libraries themselves; a person who reads a run's log can do nothing about them
    warnings.filterwarnings("ignore", category=FutureWarning)
    if argv and argv[0] in WITH_OPTIONS:
        command: Callable[[list[str]], int | None] = importlib.import_module(WITH_OPTIONS[argv[0]]).main
        return command(list(argv[1:])) or 0
    parser = argparse.ArgumentParser(prog="python -m training.lm")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in (("run", "train"), ("count", "count tokens"), ("evaluate", "answer and score cases")):
        sub = commands.add_parser(name, help=does)
        sub.add_argument("folder", type=Path)
        sub.add_argument("--with-parent", action="store_true", help="stop when the starting process ends")
    for name in WITH_OPTIONS:
        commands.add_parser(name, add_help=False)
    options = parser.parse_args(argv)
    if options.with_parent:
        end_with_parent()
    return _in_folder(options.command, options.folder)


def _in_folder(name: str, folder: Path) -> int:
    """What the libraries print goes to the folder's log, how it ended to the caller's stderr."""
    if not folder.is_dir():
        print(f"{folder} is not a folder", file=sys.stderr)
        return Exit.REFUSED
    caller = os.dup(2)
    try:
        _log_to(folder / LOG)
        command: Callable[[Path], Exit] = getattr(importlib.import_module(IN_FOLDER[name]), name)
        code = command(folder.resolve())
        status = read_status(folder)
        last = ": ".join(filter(None, [status.state, status.reason])) if status else "no status"
    except Busy as error:
        code, last = Exit.BUSY, f"left alone: {error}"
    os.write(caller, f"{last}\n".encode())
    return code


def _log_to(path: Path) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    faulthandler.enable()
