"""What a watched browser said."""

from dataclasses import dataclass, field


@dataclass
class Complaints:
    """What a browser said that it never should."""

    said: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)  # parts of messages that a test provokes on purpose

    def note(self, message: str) -> None:
        if not any(part in message for part in self.expected):
            self.said.append(message)
