"""The loss curve as points of an SVG, drawn by the server. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1040, 170
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 12, 38


@dataclass(frozen=True)
class LossChart:
    """`train` and `held_out` are the points of polylines, '' where there is nothing to draw."""

    train: str
    held_out: str
    highest: str
    first_step: int
    last_step: int
    last_loss: str
    grid: tuple[float, ...]

    @property
    def words(self) -> str:
        """For those who do not see it."""
        return f"Training loss up to {self.highest}, now {self.last_loss}, steps {self.first_step} to {self.last_step}."


def loss_chart(rows: Sequence[tuple[int, float | None, float | None]]) -> LossChart | None:
    """`rows`: (step, training loss, held-out loss) by step. None without any loss."""
    train = [(step, loss) for step, loss, _ in rows if loss is not None]
    held_out = [(step, loss) for step, _, loss in rows if loss is not None]
    if not train:
        return None
    first, last = train[0][0], max(train[-1][0], train[0][0] + 1)
    highest = max([loss for _, loss in train + held_out] + [1e-9])

    def points(line: Sequence[tuple[int, float]]) -> str:
        return " ".join(f"{_x(step, first, last):.1f},{_y(loss, highest):.1f}" for step, loss in _thinned(line))

    grid = tuple(round(_y(highest * part / 3, highest), 1) for part in range(4))
    now, loss = train[-1]
    return LossChart(points(train), points(held_out), f"{highest:.2f}", first, now, f"{loss:.3f}", grid)


def _x(step: int, first: int, last: int) -> float:
    return LEFT + (step - first) / (last - first) * (WIDTH - LEFT - RIGHT)


def _y(loss: float, highest: float) -> float:
    return TOP + (1 - loss / highest) * (HEIGHT - TOP - BOTTOM)


def _thinned(line: Sequence[tuple[int, float]], most: int = 500) -> Sequence[tuple[int, float]]:
    """Every n-th point, and the last: a screen has no more columns."""
    every = max(1, len(line) // most)
    return [point for i, point in enumerate(line) if i % every == 0 or i == len(line) - 1]
