"""One chat answer on its way from the engine's thread to the client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from training.lm.serve.chat import ChatRequest, Reply
from training.lm.serve.engine import Ask, Token
from training.lm.serve.errors import ApiError
from training.lm.serve.text import TextStream


class Answer:
    """Made in the event loop; `ask` is what the engine was asked, and is cancelled when nobody listens."""

    ask: Ask

    def __init__(self, wanted: ChatRequest, decode: Callable[[list[int]], str], prompt_tokens: int) -> None:
        self._wanted = wanted
        self._text = TextStream(decode, wanted.stops)
        self._reply = Reply(wanted.model, prompt_tokens, decode, wanted.top_logprobs is not None)
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[Token | ApiError] = asyncio.Queue()

    def emit(self, item: Token | ApiError) -> None:
        """Called in the engine's thread; a loop that is gone, or goes just now, needs no answer."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._arrived.put_nowait, item)

    async def first(self) -> Token:
        """The first token: what goes wrong before it can still be told by an HTTP status."""
        item = await self._arrived.get()
        if isinstance(item, ApiError):
            raise item
        return item

    async def pieces(self, token: Token) -> AsyncIterator[tuple[str, Token, str | None]]:
        """(new text, its token, why it ended or None), until it has ended."""
        try:
            while True:
                self._reply.completion_tokens += 1
                text = "" if token.ended else self._text.push(token.id)
                if self._text.stopped or token.last:
                    yield text + self._text.finish(), token, _finish(self._text.stopped or token.ended)
                    return
                yield text, token, None
                token = await self.first()
        finally:
            self.ask.cancelled = True

    async def whole(self) -> dict[str, Any]:
        texts, tokens, finish = [], [], "stop"
        async for text, token, end in self.pieces(await self.first()):
            texts.append(text)
            tokens.append(token)
            finish = end or finish
        return self._reply.whole("".join(texts), tokens, finish)

    async def events(self, first: Token) -> AsyncIterator[str]:
        """Server-sent events in OpenAI's shapes. A failure midway ends the stream with an error event."""
        yield _event(self._reply.chunk({"role": "assistant", "content": ""}))
        held: list[Token] = []
        try:
            async for text, token, end in self.pieces(first):
                held.append(token)
                if text:
                    yield _event(self._reply.chunk({"content": text}, held))
                    held = []
                if end:
                    yield _event(self._reply.chunk({}, held, end))
        except ApiError as error:
            yield _event(error.body())
            return
        if self._wanted.stream_usage:
            yield _event(self._reply.usage_chunk())
        yield "data: [DONE]\n\n"


def _finish(stopped: bool) -> str:
    return "stop" if stopped else "length"


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"
