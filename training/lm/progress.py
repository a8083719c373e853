"""What a run tells the outside while it trains, and how the outside stops it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.lm import checkpoints
from training.lm.contract import METRICS, State, Status, read_metrics, write_status
from training.lm.files import to_lines, write_whole
from training.lm.work import Stop


@dataclass
class Progress(TrainerCallback):
    """Writes `metrics.jsonl` and `status.json`, seals checkpoints, and ends the run when asked to.

    `tokens_by_step[k]`: tokens seen after k steps, known beforehand because the order of the rows is.
    """

    folder: Path
    status: Status
    stop: Stop
    tokens_by_step: Sequence[int]
    started: float = field(default_factory=time.monotonic)
    before: float = 0.0
    pending: dict[str, Any] | None = None

    def resume_at(self, step: int) -> None:
        """Goes on after `step`: what was logged beyond it is trained, and so written, again."""
        kept = [row for row in read_metrics(self.folder) if row["step"] <= step]
        write_whole(self.folder / METRICS, to_lines(kept))
        self.before = float(kept[-1]["elapsed_s"]) if kept else 0.0
        tokens = self.tokens_by_step[step]
        self.status = replace(self.status, step=step, resumed_from=step or None, tokens=tokens)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.status = write_status(self.folder, replace(self.status, state=State.RUNNING))

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.global_step == 0:
            self.stop.check()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        step = state.global_step
        self.status = replace(self.status, step=step, tokens=self.tokens_by_step[step])
        self.status = write_status(self.folder, self.status)
        control.should_log = control.should_log or control.should_evaluate
        if not self.stop.asked():
            return
        control.should_training_stop = True
        control.should_evaluate = False
        control.should_save = self.stop.state is State.INTERRUPTED

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        logs = logs or {}
        if "eval_loss" in logs and self.pending is not None:
            self.pending["eval_loss"] = logs["eval_loss"]
        if "loss" not in logs:
            return
        self.flush()
        elapsed = self.before + time.monotonic() - self.started
        self.pending = {
            "step": state.global_step,
            "max_steps": state.max_steps,
            "loss": logs["loss"],
            "eval_loss": None,
            "learning_rate": logs["learning_rate"],
            "grad_norm": logs["grad_norm"],
            "tokens_per_s": round(self.tokens_by_step[state.global_step] / elapsed, 1),
            "elapsed_s": round(elapsed, 3),
        }
        if not control.should_evaluate:
            self.flush()

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.flush()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        folder = Path(args.output_dir or "")
        checkpoints.seal(folder / f"checkpoint-{state.global_step}")
        checkpoints.keep_newest(folder)

    def flush(self) -> None:
        """Writes the step that waits for its evaluation, if any."""
        if self.pending is not None:
            with (self.folder / METRICS).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(self.pending) + "\n")
        self.pending = None
