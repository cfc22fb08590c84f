"""dvar::variance_ratio stops where the published rule stops: np.var of the last N losses over np.var of all.

The published program keeps every loss and calls np.var twice at every step. Here NumPy does the same for many traces of
equal length at once: np.var over the rows of a matrix adds up each row as it adds up the row alone, bit for bit, and
`test_rows_are_as_alone` checks that it does."""

import csv
import pathlib
import subprocess

import numpy as np
import pytest
from paths import BIN

RECORDED = pathlib.Path(__file__).parent / "recorded"
PUBLISHED = ((282, 0.39), (310, 0.15))


def official_ratios(traces, window):
    """[trace, observation]: the published ratio from observation `window` on, for the rows of `traces`."""
    with np.errstate(all="ignore"):
        return np.stack(
            [
                np.var(traces[:, n - window : n], axis=1) / np.var(traces[:, :n], axis=1)
                for n in range(window, traces.shape[1] + 1)
            ],
            axis=1,
        )


def official_stop(ratios, window, threshold):
    """The observation (from 1) of the stop, 0 without one, and the last ratio that it looked at."""
    below = np.flatnonzero(ratios < threshold)
    return (window + below[0], ratios[below[0]]) if below.size else (0, ratios[-1])


def ours(traces, window, thresholds):
    lines = (" ".join(map(repr, (window, t, *losses.tolist()))) for losses, t in zip(traces, thresholds))
    result = subprocess.run([BIN / "replay_ratio"], input="\n".join(lines), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    answers = [line.split() for line in result.stdout.splitlines()]
    assert len(answers) == len(traces)
    return [(int(stop), None if ratio == "none" else float(ratio)) for stop, ratio in answers]


def check(traces, window, thresholds):
    """How many of the traces stop; each at the same observation in both programs, with the same ratio."""
    stops = 0
    for number, ((stop, ratio), official, threshold) in enumerate(
        zip(ours(traces, window, thresholds), official_ratios(traces, window), thresholds)
    ):
        expected_stop, expected_ratio = official_stop(official, window, threshold)
        assert stop == expected_stop, f"trace {number}, window {window}, threshold {threshold}"
        assert ratio == pytest.approx(expected_ratio, rel=1e-9, abs=1e-20), f"trace {number}, window {window}"
        stops += stop > 0
    return stops


def decaying(rng, i):
    """What the rule is made for."""
    return 0.18 + 1e-3 * np.exp(-i * 10 ** rng.uniform(-3, -1)) + 10 ** rng.uniform(-6, -3) * rng.normal(size=i.size)


def linear(rng, i):
    return 0.2 - 10 ** rng.uniform(-6, -2) * i


def wandering(rng, i):
    return np.cumsum(rng.normal(size=i.size)) * 10 ** rng.uniform(-4, 2)


def autoregressive(rng, i):
    memory, values, noise = rng.uniform(0.5, 0.999), np.empty(i.size), rng.normal(size=i.size)
    values[0] = noise[0]
    for n in range(1, i.size):
        values[n] = memory * values[n - 1] + noise[n]
    return 0.18 + 1e-4 * values


def spiked(rng, i):
    losses = 0.18 + 1e-4 * rng.normal(size=i.size)
    losses[rng.integers(i.size)] = 10 ** rng.uniform(-2, 3)
    return losses


def stepping(rng, i):
    levels = 0.18 + 1e-3 * rng.normal(size=8)
    return levels[i * 8 // i.size] + 1e-5 * rng.normal(size=i.size)


def plateaus(rng, i):
    """Falls between stretches that are exactly flat, the last of them to the end."""
    level = np.sort(rng.uniform(0.1, 0.3, size=5))[::-1]
    losses = np.interp(i, np.linspace(0, i.size, 5), level)
    for begin in rng.integers(1, i.size, size=2):
        losses[begin : begin + i.size // 4] = losses[begin]
    losses[i.size * 3 // 4 :] = losses[-1]
    return losses


def collapsing(rng, i):
    """The scale falls by orders of magnitude, at once or slowly."""
    scale = 10.0 ** (-i * rng.uniform(1, 5) / i.size) if rng.random() < 0.5 else np.where(i < i.size // 3, 1e4, 1e-3)
    return 0.3 + 1e-2 * scale * rng.normal(size=i.size)


def single_precision(rng, i):
    """As a network reports it in fp32."""
    return decaying(rng, i).astype(np.float32).astype(np.float64)


def half_precision(rng, i):
    return (0.18 + 1e-3 * rng.normal(size=i.size) + 1e-2 * np.exp(-i / 50)).astype(np.float16).astype(np.float64)


def offset(rng, i):
    return 1e4 + 1e-2 * rng.normal(size=i.size) + np.exp(-i / 60)


SHAPES = (
    decaying,
    linear,
    wandering,
    autoregressive,
    spiked,
    stepping,
    plateaus,
    collapsing,
    single_precision,
    half_precision,
    offset,
)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_generated_traces(shape):
    """920 of each shape: 10,120 in all."""
    rng = np.random.default_rng([20230209, SHAPES.index(shape)])
    stops = traces_seen = 0
    settings = [(int(rng.integers(2, 120)), None, int(rng.integers(150, 500))) for _ in range(22)]
    settings += [(window, threshold, 700) for window, threshold in PUBLISHED]
    for window, threshold, length in settings:
        i = np.arange(length)
        traces = np.stack([shape(rng, i) for _ in range(40 if threshold is None else 20)])
        thresholds = [threshold or float(rng.uniform(0.05, 0.95)) for _ in traces]
        stops += check(traces, window, thresholds)
        traces_seen += len(traces)
    assert traces_seen == 920
    assert stops > 100, f"{stops} of {traces_seen} stop: too few to tell"


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.glob("*.csv")))
@pytest.mark.parametrize("window, threshold", PUBLISHED + ((20, 0.1), (60, 0.3), (150, 0.5)))
def test_recorded_traces(name, window, threshold):
    with open(RECORDED / f"{name}.csv", newline="") as file:
        losses = np.array([float(row["probe_loss"]) for row in csv.DictReader(file)])
    assert losses.size > window
    check(losses[np.newaxis], window, [threshold])


def test_rows_are_as_alone():
    rng = np.random.default_rng(3)
    traces = np.stack([shape(rng, np.arange(330)) for shape in SHAPES])
    for window in (2, 7, 130, 310):
        ratios = official_ratios(traces, window)
        for row, losses in zip(ratios, traces):
            alone = [np.var(losses[n - window : n]) / np.var(losses[:n]) for n in range(window, losses.size + 1)]
            np.testing.assert_array_equal(row, alone)


# Where rounding noise decides in the published program. All losses are equal, so both variances are 0; NumPy's mean is
# rounded, so it divides what is left by what is left, or 0 by 0. The stop, if any, depends on the value.
EQUAL_LOSSES = (0.0, 0.1, 0.3, 0.5, 0.7, 1 / 3, 1e-9, 123.456)


@pytest.mark.parametrize("value", EQUAL_LOSSES)
def test_equal_losses_have_no_ratio_here(value):
    trace = np.full((1, 900), value)
    for window, threshold in PUBLISHED:
        assert ours(trace, window, [threshold]) == [(0, None)]


def test_equal_losses_stop_the_published_program_at_random():
    stops = {
        value: official_stop(official_ratios(np.full((1, 900), value), 310)[0], 310, 0.15)[0] for value in EQUAL_LOSSES
    }
    print(stops)
    assert any(stops.values()) and not all(stops.values()), stops


def test_a_non_finite_loss_stops_neither():
    rng = np.random.default_rng(4)
    for bad in (np.nan, np.inf, -np.inf):
        trace = decaying(rng, np.arange(700))
        trace[50] = bad
        assert official_stop(official_ratios(trace[np.newaxis], 100)[0], 100, 0.5)[0] == 0
        assert ours([trace], 100, [0.5]) == [(0, None)]
