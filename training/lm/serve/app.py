"""The routes: OpenAI's for asking, vLLM's for loading and unloading adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import torch
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from training.lm.serve.answer import Answer
from training.lm.serve.bodies import PACKED, read_body, read_texts
from training.lm.serve.chat import ChatRequest, parse_chat
from training.lm.serve.encoder import Encoder
from training.lm.serve.engine import Ask, Engine, Sampling
from training.lm.serve.errors import ApiError, answer_error, unknown_model
from training.lm.serve.shelf import Shelf
from training.lm.tokens import Tokenizer, prompt_ids


@dataclass
class Server:
    """What the routes work with. `longest`: tokens that a prompt and its answer may take together."""

    engine: Engine
    shelf: Shelf
    tokenizer: Tokenizer
    longest: int
    encoder: Encoder | None = None

    def decode(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=True))

    async def health(self, request: Request) -> Response:
        alive = self.engine.is_alive
        status = "ok" if alive else "the engine has ended"
        shown = {"status": status, "models": [*self.shelf.models], "encoder": self.encoder is not None}
        return JSONResponse(shown, status_code=200 if alive else 503)

    async def models(self, request: Request) -> Response:
        base = self.shelf.base_name
        data: list[dict[str, Any]] = [_model(name, None if name == base else base) for name in self.shelf.models]
        if self.encoder is not None:
            data.append({**_model(self.encoder.name, None), "dimensions": self.encoder.dimensions})
        return JSONResponse({"object": "list", "data": data})

    async def chat(self, request: Request) -> Response:
        wanted = parse_chat(await read_body(request))
        self.shelf.use(wanted.model)
        answer = await self._begin(wanted)
        if not wanted.stream:
            return JSONResponse(await answer.whole())
        first = await answer.first()
        return StreamingResponse(answer.events(first), media_type="text/event-stream")

    async def _begin(self, wanted: ChatRequest) -> Answer:
        try:
            ids = prompt_ids(self.tokenizer, wanted.messages)
        except Exception as error:
            raise ApiError(400, f"The chat template refuses these messages: {error}", param="messages") from error
        room = self.longest - len(ids)
        if room < 1:
            message = f"The messages take {len(ids)} tokens; this model holds {self.longest}."
            raise ApiError(400, message, "context_length_exceeded", "messages")
        answer = Answer(wanted, self.decode, len(ids))
        limit = min(room, wanted.max_tokens or room)
        ask = Ask(wanted.model, ids, limit, answer.emit, _sampling(wanted), wanted.top_logprobs or 0)
        answer.ask = ask
        self.engine.submit(ask)
        return answer

    async def embeddings(self, request: Request) -> Response:
        if self.encoder is None:
            raise ApiError(404, "This server was started without an encoder.", "model_not_found", "model")
        data = await read_body(request)
        if data.get("model") != self.encoder.name:
            raise unknown_model(str(data.get("model")))
        if data.get("dimensions") not in (None, self.encoder.dimensions):
            raise ApiError(400, f"Vectors here have {self.encoder.dimensions} dimensions.", param="dimensions")
        done = await asyncio.wrap_future(self.encoder.embed(read_texts(data.get("input"))))
        pack = PACKED.get(data.get("encoding_format") or "float")
        if pack is None:
            raise ApiError(400, "encoding_format must be float or base64.", param="encoding_format")
        rows = [
            {"object": "embedding", "index": index, "embedding": pack(vector)}
            for index, vector in enumerate(done.vectors)
        ]
        usage = {"prompt_tokens": done.tokens, "total_tokens": done.tokens}
        return JSONResponse({"object": "list", "data": rows, "model": self.encoder.name, "usage": usage})

    async def load(self, request: Request) -> Response:
        data = await read_body(request)
        name, path, expected = data.get("lora_name"), data.get("lora_path"), data.get("sha256")
        if not isinstance(name, str) or not isinstance(path, str) or "\0" in path:
            raise ApiError(400, "lora_name and lora_path must be texts.")
        if expected is not None and not isinstance(expected, dict):
            raise ApiError(400, "sha256 must be an object of file names and hashes.", param="sha256")
        files = await run_in_threadpool(self.shelf.read, name, path, expected)
        added = await asyncio.wrap_future(
            self.engine.call(lambda: self.shelf.add(name, files, busy=self.engine.asked_for()))
        )
        return JSONResponse({"lora_name": name, "loaded": True, "was_loaded": not added, "sha256": files.sha256})

    async def unload(self, request: Request) -> Response:
        name = str((await read_body(request)).get("lora_name"))
        await asyncio.wrap_future(self.engine.call(lambda: self.shelf.remove(name)))
        return JSONResponse({"lora_name": name, "loaded": False})


def _sampling(wanted: ChatRequest) -> Sampling:
    generator = None if wanted.seed is None else torch.Generator().manual_seed(wanted.seed)
    return Sampling(wanted.temperature, wanted.top_p, generator)


def _model(name: str, parent: str | None) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "labelhub", "parent": parent}


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return await answer_error(request, ApiError(error.status_code, error.detail, "not_found"))


def make_app(server: Server, hosts: list[str], on_ready: Callable[[], None]) -> Starlette:
    """`hosts`: the names this server answers to; `on_ready` is called once it takes requests."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        on_ready()
        yield

    return Starlette(
        lifespan=lifespan,
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
        exception_handlers={ApiError: answer_error, HTTPException: _http_error, Exception: answer_error},
        routes=[
            Route("/health", server.health),
            Route("/v1/models", server.models),
            Route("/v1/chat/completions", server.chat, methods=["POST"]),
            Route("/v1/embeddings", server.embeddings, methods=["POST"]),
            Route("/v1/load_lora_adapter", server.load, methods=["POST"]),
            Route("/v1/unload_lora_adapter", server.unload, methods=["POST"]),
        ],
    )
