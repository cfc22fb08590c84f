"""dvar.mean_error and MeanSettled beside ArviZ, on streams of every kind."""

import arviz
import dvar
import numpy as np
import pytest


def stream(rng, length):
    phi = rng.uniform(-0.9, 0.99)
    x = rng.normal(size=length)
    for i in range(1, length):
        x[i] += phi * x[i - 1]
    return 10 ** rng.uniform(-3, 3) * x + rng.choice([0.0, 1.0, 1e3]) - rng.choice([0.0, 0.01]) * np.arange(length)


def of_arviz(values):
    """ArviZ takes split \\hat R of two chains or more: the halves are given as two, which is what "split" does."""
    chain, half = values[None, :], len(values) // 2
    return (
        values.mean(),
        arviz.ess(chain, method="mean"),
        arviz.mcse(chain, method="mean"),
        arviz.rhat(np.stack([values[:half], values[-half:]]), method="identity"),
    )


def test_the_numbers_are_those_of_arviz():
    rng = np.random.default_rng(1)
    for _ in range(300):
        values = stream(rng, int(rng.integers(8, 700)))
        assert dvar.mean_error(values) == pytest.approx(of_arviz(values), rel=1e-10)


def test_the_rule_compares_by_the_errors_of_arviz():
    rng = np.random.default_rng(2)
    for _ in range(40):
        window = int(rng.integers(8, 200))
        values = stream(rng, 2 * window)
        rule = dvar.MeanSettled(window, effective_samples=1e-9)
        rule.replay(values)
        for value in values:
            rule.observe(value)
        before, latest = of_arviz(values[:window]), of_arviz(values[window:])
        assert rule.change_error == pytest.approx(np.hypot(before[2], latest[2]), rel=1e-10)
        assert rule.abs_z == pytest.approx(abs(rule.change) / rule.change_error, rel=1e-12)
        assert rule.effective_sample_size == pytest.approx(min(before[1], latest[1]), rel=1e-10)


def test_a_window_that_moves():
    values = stream(np.random.default_rng(3), 60)
    window = dvar.RollingMeanError(20)
    for n, value in enumerate(values, 1):
        window.observe(value)
        expected = dvar.mean_error(values[n - 20 : n]) if n >= 20 else dvar.MeanError(None, None, None, None)
        assert window.estimate() == expected
    window.reset()
    assert window.estimate().mean is None and window.window == 20


def test_what_is_undefined_is_none():
    assert dvar.mean_error([1.0] * 10) == dvar.MeanError(1.0, 10.0, 0.0, None)
    assert dvar.mean_error([1.0] * 9 + [float("nan")]) == dvar.MeanError(None, None, None, None)


def test_too_few_values_are_refused():
    with pytest.raises(ValueError, match="expected at least 8 observations, not 7"):
        dvar.mean_error([1.0] * 7)
    with pytest.raises(ValueError, match="window must be at least 8, not 7"):
        dvar.RollingMeanError(7)
