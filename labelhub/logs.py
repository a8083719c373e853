"""Log lines stay one line each: text from users and models cannot forge a second one or colour a terminal."""

import logging
from contextvars import ContextVar

BESIDE = "    | "  # a traceback's lines stand behind this bar; what looks like a log line in there is none
request_id: ContextVar[str] = ContextVar("request_id", default="")


class OneLine(logging.Formatter):
    """Escapes whatever is not printable; a traceback keeps its lines, each behind a bar.

    What is logged while a request is answered carries the request's id, the one that the response carries.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = escaped(super().formatMessage(record))
        known = request_id.get() or getattr(getattr(record, "request", None), "request_id", "")
        return f"{line} [request {escaped(known)}]" if known else line

    def formatException(self, ei: object) -> str:
        return behind_bar(super().formatException(ei))  # type: ignore[arg-type]

    def formatStack(self, stack_info: str) -> str:
        return behind_bar(super().formatStack(stack_info))

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # another handler may have kept one with lines of its own
        return super().format(record)


def behind_bar(text: str) -> str:
    """The message of an exception may hold a prompt: none of its lines begins as a log line does."""
    return "\n".join(BESIDE + escaped(line) for line in text.split("\n"))


def escaped(text: str) -> str:
    """`text` on one line, its control, formatting and lone surrogate characters as escapes.

    >>> escaped("a\\nb\\x1b[31m")
    'a\\\\x0ab\\\\x1b[31m'
    """
    return "".join(c if c.isprintable() else _escape(ord(c)) for c in text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
