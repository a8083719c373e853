"""Log lines stay one line each: text from users and models cannot forge a second one or colour a terminal."""

import logging


class OneLine(logging.Formatter):
    """Escapes control characters of the message; the traceback, which is ours, keeps its lines."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        head, newline, trace = text.partition("\nTraceback ")
        return (
            "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in head)
            + newline
            + (f"Traceback {trace}" if newline else "")
        )
