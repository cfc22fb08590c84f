"""What the C++ library makes of rules and traces: replay_rule, live."""

import os
import pathlib
import subprocess
from typing import NamedTuple

PROGRAM = pathlib.Path(os.environ["DVAR_BUILD_DIR"]) / "bin" / "replay_rule"


class Replayed(NamedTuple):
    stop: int | None
    state: bytes
    reason: str
    report: dict[str, float | None]


def replay(cases):
    """For pairs of a rule's text and values, in the same order."""
    lines = (" ".join([text, *map(repr, map(float, values))]) for text, values in cases)
    result = subprocess.run([PROGRAM], input="\n".join(lines), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    answers = [line.split("\t") for line in result.stdout.splitlines()]
    assert len(answers) == len(cases)
    return [
        Replayed(int(stop) or None, bytes.fromhex(state), reason, dict(map(_number, report.split())))
        for stop, state, reason, report in answers
    ]


def _number(text):
    name, value = text.split("=")
    return name, None if value == "none" else float(value)
