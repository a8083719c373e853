"""`python -m training.lm serve …`: loads, listens, says where, and ends with the process that started it."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from training.lm.base_folder import check_base, named_folder
from training.lm.contract import Exit
from training.lm.files import Refused, write_whole
from training.lm.parent import end_with_parent

if TYPE_CHECKING:
    from training.lm.serve.encoder import Encoder

LOOPBACK = ["127.0.0.1", "localhost", "[::1]", "::1"]
SECONDS_TO_END = 1


def main(argv: Sequence[str]) -> NoReturn:
    options = _options(argv)
    # also while loading, and once more when uvicorn, done with its own ending, passes the signal on
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    end_with_parent()
    try:
        folders = _folders(options)
        code = Exit.SUCCEEDED if options.check else _serve(options, *folders)
    except (Refused, OSError) as error:
        print(f"cannot serve: {error}", file=sys.stderr)
        code = Exit.REFUSED
    except SystemExit:
        code = Exit.SUCCEEDED
    sys.stdout.flush()
    sys.stderr.flush()
    # all that needs tidying is tidied; unloading the libraries would take as long again
    os._exit(code)


def _end(*_: object) -> None:
    raise SystemExit(Exit.SUCCEEDED)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.lm serve")
    parser.add_argument("--base", required=True, help="folder of the base model, or a hub id in the hub's cache")
    parser.add_argument("--base-name", default="base", help="what the base is asked for by")
    parser.add_argument("--base-sha256", help="refuse to start on other weights than these")
    parser.add_argument("--encoder", help="folder of a sentence-transformers encoder, or a hub id in the cache")
    parser.add_argument("--encoder-name", default="encoder", help="what the encoder is asked for by")
    parser.add_argument("--adapters", type=Path, help="adapters are loaded from below this folder only")
    parser.add_argument("--most-adapters", type=int, default=64)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--port-file", type=Path, help="where the port is written once requests are taken")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="only look whether the models are on this machine")
    return parser.parse_args(list(argv))


def _folders(options: argparse.Namespace) -> tuple[Path, Path | None]:
    """Of the base and of the encoder. Raises Refused for what is not on this machine, before anything is loaded."""
    base = named_folder(options.base, os.environ)
    check_base(base, options.base_sha256)
    return base, named_folder(options.encoder, os.environ) if options.encoder else None


def _serve(options: argparse.Namespace, base: Path, encoder_folder: Path | None) -> Exit:
    from training.lm.serve.encoder import Encoder

    listening = socket.create_server((options.host, options.port), backlog=512)
    # first: the encoder's process loads while this one does
    encoder = Encoder(encoder_folder, options.encoder_name) if encoder_folder else None
    try:
        _listen(options, base, encoder, listening)
    finally:
        if encoder is not None:
            encoder.close()
        if options.port_file is not None:
            options.port_file.unlink(missing_ok=True)
    return Exit.SUCCEEDED


def _listen(options: argparse.Namespace, base: Path, encoder: Encoder | None, listening: socket.socket) -> None:
    import torch
    import uvicorn

    from training.lm.base_model import load_base, longest
    from training.lm.decode import end_tokens
    from training.lm.serve.app import Server, make_app
    from training.lm.serve.engine import Engine
    from training.lm.serve.shelf import Shelf
    from training.lm.tokens import load_tokenizer

    torch.set_num_threads(options.threads)
    tokenizer, model = load_tokenizer(base), load_base(base)
    root = options.adapters.resolve() if options.adapters else None
    shelf = Shelf(options.base_name, {options.base_name: model}, root, options.most_adapters)
    engine = Engine(shelf.models, end_tokens(model, tokenizer))
    if encoder is not None:
        print(f"encoder ready, {encoder.dimensions} dimensions", file=sys.stderr)
    server = Server(engine, shelf, tokenizer, longest(model), encoder)
    port = listening.getsockname()[1]

    def ready() -> None:
        print(f"serving on http://{options.host}:{port}", file=sys.stderr)
        if options.port_file is not None:
            write_whole(options.port_file, f"{port}\n")

    hosts = LOOPBACK if options.host in LOOPBACK else ["*"]
    config = uvicorn.Config(
        make_app(server, hosts, ready),
        log_level="warning",
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=SECONDS_TO_END,
    )
    uvicorn.Server(config).run(sockets=[listening])
