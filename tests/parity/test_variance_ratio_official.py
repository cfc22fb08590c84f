"""dvar::variance_ratio stops where the published rule stops: np.var of the last N losses over np.var of all."""

import os
import pathlib
import subprocess

import numpy as np

BUILD = pathlib.Path(os.environ["DVAR_BUILD_DIR"])


def official(losses, window, threshold):
    """The observation (from 1) of the stop, 0 without one, and the last ratio: the whole history at every step."""
    ratio = None
    for n in range(window, len(losses) + 1):
        ratio = np.var(losses[n - window : n]) / np.var(losses[:n])
        if ratio < threshold:
            return n, ratio
    return 0, ratio


def ours(traces):
    lines = (" ".join(map(repr, (window, threshold, *losses.tolist()))) for losses, window, threshold in traces)
    result = subprocess.run([BUILD / "bin" / "replay_ratio"], input="\n".join(lines), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    answers = [line.split() for line in result.stdout.splitlines()]
    return [(int(stop), None if ratio == "none" else float(ratio)) for stop, ratio in answers]


def random_trace(rng):
    length = int(rng.integers(20, 700))
    window = int(rng.integers(2, 120))
    threshold = float(rng.uniform(0.05, 0.95))
    i = np.arange(length)
    shape = rng.integers(5)
    if shape == 0:  # what it is made for
        losses = 0.18 + 1e-3 * np.exp(-i * 10 ** rng.uniform(-3, -1)) + 10 ** rng.uniform(-6, -3) * rng.normal(size=length)
    elif shape == 1:  # a linear trend
        losses = 0.2 - 10 ** rng.uniform(-6, -2) * i
    elif shape == 2:  # slow wandering
        losses = np.cumsum(rng.normal(size=length)) * 10 ** rng.uniform(-4, 2)
    elif shape == 3:  # one spike
        losses = 0.18 + 1e-4 * rng.normal(size=length)
        losses[rng.integers(length)] = 9.0
    else:  # as reported by a network in fp32
        losses = (0.18 + 1e-3 * rng.normal(size=length)).astype(np.float32).astype(np.float64)
    return losses, window, threshold


def check(traces):
    answers = ours(traces)
    assert len(answers) == len(traces)
    stops = 0
    for number, (trace, (stop, ratio)) in enumerate(zip(traces, answers)):
        expected_stop, expected_ratio = official(*trace)
        assert stop == expected_stop, f"trace {number}"
        if expected_ratio is None:
            assert ratio is None, f"trace {number}"
        else:
            assert abs(ratio / expected_ratio - 1) < 1e-9, f"trace {number}: {ratio} and {expected_ratio}"
        stops += stop > 0
    return stops


def test_random_traces():
    rng = np.random.default_rng(20230209)
    traces = [random_trace(rng) for _ in range(1200)]
    stops = check(traces)
    assert 300 < stops < 1100, f"{stops} of 1200 stop: the traces should do both"


def test_published_settings():
    rng = np.random.default_rng(1)
    traces = []
    for window, threshold in ((282, 0.39), (310, 0.15)):
        i = np.arange(1500)
        traces.append((3.0 - 1e-4 * i, window, threshold))
        traces.append((0.18 + 1e-3 * np.exp(-i / 60) + 1e-5 * rng.normal(size=1500), window, threshold))
    assert check(traces) == len(traces)
