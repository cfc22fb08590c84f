"""Reads and replays recorded losses, and records them."""

import json
import math
import os
from array import array
from collections.abc import Iterable, Sequence
from typing import IO, NamedTuple, SupportsFloat, SupportsIndex

from dvar import _native


def threshold_grid(
    losses: Iterable[SupportsFloat], windows: Sequence[int], thresholds: Sequence[float]
) -> list[list[int | None]]:
    """Returns where :class:`VarianceRatio` would have stopped a recorded run, for every window (a row) and threshold (a
    column): the number of the loss from 1, or ``None``. Takes one pass over the losses a window."""
    sizes = [_native.size("window", window, least=2) for window in windows]
    stops = _native.threshold_grid(array("d", map(float, losses)), sizes, thresholds)
    return [[stop or None for stop in row] for row in stops]


class LoggedColumn(NamedTuple):
    """Holds one column of a training log: its values, each with the step that it was logged at."""

    name: str
    steps: list[int]
    values: list[float]
    columns: list[str]
    """The names of the log's columns of numbers: those that a rule can be shown."""


def read_log(path: str | os.PathLike[str], column: str | None = None) -> LoggedColumn:
    """Reads a column of a training log, whoever wrote it: a trace of dvar, TensorBoard's event files (one, or a folder of them) and its
    exported CSV, Lightning's ``metrics.csv``, Keras' ``CSVLogger``, Hugging Face's ``trainer_state.json``, what Weights & Biases
    exports, and other JSON lines and CSV with a header.

        log = dvar.read_log("checkpoint-500/trainer_state.json", "loss")
        stop = dvar.SlopeTest().replay(log.values)
        print(stop and log.steps[stop - 1])

    Without ``column`` it is ``probe_loss``, or else the only one of numbers that counts neither steps nor time. Raises
    :class:`ValueError` when the log cannot be read or has no values of it, with the columns that there are.
    """
    if column == "":
        raise ValueError("column must be a name or None, not ''")
    return LoggedColumn(*_native.read_log(os.fspath(path), column))


class TraceWriter:
    """Writes a trace that ``dvar replay`` and :func:`read_log` read: JSON, a line a step.

        with dvar.TraceWriter("trace.jsonl") as trace:
            for step in itertools.count(1):
                loss = train(step)
                trace.write(step, loss=loss, probe_loss=(value := probe()))

    Every line is whole as soon as it is written. What is in the file already stays, but for a last line that is cut off. A run that
    goes on from a checkpoint of step 500 goes on here with ``after_step=500``: later lines are of steps that are done again.
    """

    def __init__(self, path: str | os.PathLike[str], *, after_step: int | None = None) -> None:
        with open(path, "ab+") as written:
            written.seek(0)
            kept = 0
            for number, line in enumerate(written, 1):
                if not line.endswith(b"\n") or (after_step is not None and _step_of(line, path, number) > after_step):
                    written.truncate(kept)
                    break
                kept += len(line)
        self._file: IO[str] = open(path, "a", encoding="utf-8", newline="\n")

    def write(self, step: SupportsIndex, **values: SupportsFloat | None) -> None:
        """Writes the values of a step (from 1); those that are ``None`` are left out. A NaN or an infinity is text in JSON."""
        record: dict[str, int | float | str] = {"step": _native.size("step", step)}
        for name, value in values.items():
            if value is not None:
                number = float(value)
                record[name] = number if math.isfinite(number) else str(number)
        self._file.write(json.dumps(record, separators=(",", ":")) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "TraceWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _step_of(line: bytes, path: str | os.PathLike[str], number: int) -> int:
    try:
        step: int = json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{os.fspath(path)}: line {number}: expected a record of a trace, found {line!r}") from None
    return step
