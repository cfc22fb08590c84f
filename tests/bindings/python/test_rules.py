"""The rules of the Python package are those of the C++ library, to the bit; and what only Python has."""

import copy
import json
import math
import pickle
import subprocess
import sys
import threading
import time

import dvar
import numpy as np
import pytest
import torch
from replay import replay

# Each rule, and the text that makes the same in C++.
RULES = {
    "variance_ratio": dvar.VarianceRatio,
    "dvar:v1": dvar.VarianceRatio.v1,
    "dvar:v2": dvar.VarianceRatio.v2,
    "variance_ratio:window=12,threshold=0.3,non_finite=skip": lambda: dvar.VarianceRatio(12, 0.3, non_finite="skip"),
    "patience": lambda: dvar.Patience("minimize"),
    "patience:direction=maximize,patience=6,min_delta=0.1,scale=relative,measured_from=best,first=accepted,baseline=9.5,"
    "start_from=4": lambda: dvar.Patience(
        "maximize", 6, 0.1, scale="relative", measured_from="best", first="accepted", baseline=9.5, start_from=4
    ),
    "threshold:direction=minimize,limit=1e-05": lambda: dvar.Threshold("minimize", 1e-5),
    "threshold:direction=maximize,limit=9.75": lambda: dvar.Threshold("maximize", 9.75),
    "divergence:direction=minimize,limit=9.75": lambda: dvar.Divergence("minimize", 9.75),
    "plateau:window=15,tolerance=0.01": lambda: dvar.Plateau("minimize", window=15, tolerance=0.01),
    "slope_test:window=15,probability=0.2,discard=0.2": lambda: dvar.SlopeTest(15, 0.2, discard=0.2),
    "step_limit:limit=40": lambda: dvar.StepLimit(40),
    "non_finite": dvar.NonFinite,
    "geweke:window=20,after=30": lambda: dvar.make_rule("geweke:window=20,after=30"),
    "already_converged:observations=30,significance=0.2": lambda: dvar.AlreadyConverged(30, 0.2),
    "variance_ratio:window=12,threshold=0.3,despiked=3": lambda: dvar.Despiked(3, dvar.VarianceRatio(12, 0.3)),
    "non_finite:every=2": lambda: dvar.Every(2, dvar.NonFinite()),
    "variance_ratio:window=12,threshold=0.3,consecutive=3": lambda: dvar.Consecutive(3, dvar.VarianceRatio(12, 0.3)),
    "variance_ratio:window=12,threshold=0.3,after=30": lambda: dvar.After(30, dvar.VarianceRatio(12, 0.3)),
}


def trace(rng):
    length = int(rng.integers(1, 120))
    values = 8 * np.exp(-np.arange(length) * 10 ** rng.uniform(-3, -0.5)) + 10 ** rng.uniform(-4, 0) * rng.normal(size=length)
    if rng.integers(4) == 0:
        values[rng.integers(length)] = rng.choice([np.nan, np.inf, -np.inf])
    return values.tolist()


@pytest.mark.parametrize("text", RULES)
def test_each_rule_is_that_of_cpp(text):
    rng = np.random.default_rng(1)
    traces = [trace(rng) for _ in range(40)]
    for values, expected in zip(traces, replay([(text, values) for values in traces])):
        rule = RULES[text]()
        assert rule.replay(values) == expected.stop
        stop = next((n for n, value in enumerate(values, start=1) if rule.observe(value)), None)
        assert stop == expected.stop
        assert rule.reason() == expected.reason
        assert rule.save() == expected.state


@pytest.mark.parametrize("text", RULES)
def test_state_survives_every_way_out_and_in(text):
    rng = np.random.default_rng(2)
    values = [trace(rng) for _ in range(5)]
    values = sum(values, [])
    rule = RULES[text]()
    for value in values[: len(values) // 2]:
        rule.observe(value)
    loaded, from_dict = RULES[text](), RULES[text]()
    loaded.load(rule.save())
    from_dict.load_state_dict(json.loads(json.dumps(rule.state_dict())))
    others = [loaded, from_dict, pickle.loads(pickle.dumps(rule)), copy.copy(rule), copy.deepcopy(rule)]
    for value in values[len(values) // 2 :]:
        verdict = rule.observe(value)
        for other in others:
            assert repr(other.observe(value)) == repr(verdict)  # by repr, as NaN is not NaN
    for other in others:
        assert other.save() == rule.save()
        assert repr(other) == repr(rule)
    rule.reset()
    assert rule.save() == RULES[text]().save()


def test_a_verdict_is_true_when_it_says_stop():
    rule = dvar.VarianceRatio(window=3, threshold=0.5)
    first = rule.observe(9.0)
    assert not first and first == dvar.Verdict(stop=False, warming_up=True, reason="", statistic=None)
    rule.observe(1.0)
    third = rule.observe(1.0)
    assert not third and third.statistic == 1.0
    fourth = rule.observe(1.0)
    assert fourth and fourth == (True, False, "variance_ratio", 0.0) == rule.latest()
    assert rule.reason().startswith("the variance of the last 3 observations is 0 of the total")


def test_groups_name_the_member_that_stops():
    rule = dvar.AnyOf(dvar.VarianceRatio(4), dvar.StepLimit(20), dvar.NonFinite())
    assert not rule.observe(1.0, step=19)
    assert rule.observe(1.0, step=20).reason == "step_limit"
    assert rule.observe(math.nan, step=3).reason == "non_finite"
    both = dvar.AllOf(dvar.StepLimit(2), dvar.Threshold("minimize", 0.5))
    assert [bool(both.observe(value)) for value in (0.1, 0.9, 0.1)] == [False, False, True]
    assert both.latest().reason == "all_of"
    latched = dvar.Latched(dvar.Threshold("minimize", 0.5))
    assert [bool(latched.observe(value)) for value in (0.9, 0.1, 0.9)] == [False, True, True]


def test_groups_survive_pickling():
    def make():
        return dvar.AnyOf(dvar.AllOf(dvar.StepLimit(5), dvar.VarianceRatio(4, 0.5)), dvar.Latched(dvar.NonFinite()))

    rule = make()
    for value in (9.0, 1.0, 1.0, 1.0):
        assert not rule.observe(value)
    again = pickle.loads(pickle.dumps(rule))
    assert repr(again) == repr(rule) == repr(make())
    assert again.observe(1.0) == rule.observe(1.0) and rule.latest().reason == "all_of"


def test_members_are_copied():
    member = dvar.StepLimit(2)
    member.observe(0.0)
    group = dvar.AnyOf(member)
    assert group.observe(0.0)
    assert not member.latest()


def test_anything_that_is_a_number_can_be_observed():
    rule = dvar.Threshold("minimize", 0.5)
    for one in (torch.tensor(0.25), torch.tensor([0.25]), np.float32(0.25), np.array(0.25), 0.25):
        assert rule.observe(one).statistic == 0.25
    assert rule.observe(1).statistic == 1.0
    for none in ("0.25x", None, torch.zeros(2)):
        with pytest.raises((TypeError, ValueError, RuntimeError)):
            rule.observe(none)


def test_what_only_some_rules_know():
    ratio = dvar.VarianceRatio(window=3)
    assert (ratio.window_variance, ratio.total_variance, ratio.count) == (None, None, 0)
    values = [4.0, 1.0, 2.0, 4.0]
    for value in values:
        ratio.observe(value)
    assert ratio.window_variance == pytest.approx(np.var(values[1:]), rel=1e-14)
    assert ratio.total_variance == pytest.approx(np.var(values), rel=1e-14)
    assert ratio.count == 4
    patience = dvar.Patience("minimize", min_delta=1.0)
    assert (patience.best, patience.best_observation, patience.wait) == (None, None, 0)
    for value in (3.0, 2.5, 2.75):
        patience.observe(value)
    assert (patience.best, patience.best_observation, patience.wait) == (2.5, 2, 2)


def test_mistakes_are_named():
    for make, message in (
        (lambda: dvar.VarianceRatio(window=1), "window must be at least 2, not 1"),
        (lambda: dvar.VarianceRatio(threshold=0), "threshold must be above 0"),
        (lambda: dvar.VarianceRatio(window=3.5), "window: expected a whole number, found '3.5'"),
        (lambda: dvar.VarianceRatio(non_finite="drop"), "expected keep|skip, found 'drop'"),
        (lambda: dvar.Patience("up"), "expected minimize|maximize, found 'up'"),
        (lambda: dvar.StepLimit(0), "at least 1, not 0"),
        (lambda: dvar.StepLimit(-1), "found '-1'"),
        (lambda: dvar.Every(-1, dvar.NonFinite()), "Every: stride must be at least 1, not -1"),
        (lambda: dvar.Consecutive(0, dvar.NonFinite()), "Consecutive: times must be at least 1, not 0"),
        (lambda: dvar.Despiked(4, dvar.NonFinite()), "odd"),
        (lambda: dvar.After(2**64 + 5, dvar.NonFinite()), "After: minimum must be at most 18446744073709551615, not 18446744073709551621"),
        (lambda: dvar.AnyOf(), "at least 1 member"),
        (lambda: dvar.make_rule("variance_ration"), "there is no such criterion"),
        (lambda: dvar.NonFinite().observe(1.0, step=-1), "step must be at least 0"),
        (lambda: dvar.StepLimit(5).observe(1.0, step=2**64), "step must be at most"),
    ):
        with pytest.raises(ValueError) as error:
            make()
        assert message in str(error.value)
    for make, message in (
        (lambda: dvar.AnyOf(dvar.NonFinite(), 3), "AnyOf: a member must be a rule, not 3"),
        (lambda: dvar.Latched(3), "Latched: a member must be a rule, not 3"),
        (lambda: dvar.Every(2, 3), "Every: a member must be a rule, not 3"),
        (lambda: dvar.Every(2.5, dvar.NonFinite()), "Every: stride must be a whole number, not 2.5"),
        (lambda: dvar.NonFinite().observe(1.0, step=1.5), "step must be a whole number, not 1.5"),
        (lambda: dvar.threshold_grid([1.0], [2.5], [0.1]), "window must be a whole number, not 2.5"),
    ):
        with pytest.raises(TypeError) as error:
            make()
        assert message in str(error.value)
    with pytest.raises(MemoryError):
        dvar.VarianceRatio(window=2**62)


def test_a_state_that_does_not_fit_is_refused():
    rule = dvar.VarianceRatio(window=5)
    rule.observe(1.0)
    before = rule.save()
    with pytest.raises(dvar.StateError, match="window is 6 in the saved state and 5 here"):
        rule.load(dvar.VarianceRatio(window=6).save())
    with pytest.raises(dvar.StateError, match="damaged"):
        rule.load(before[:-1] + bytes([before[-1] ^ 1]))
    with pytest.raises(dvar.StateError, match="do not begin like a dvar state"):
        rule.load(b"")
    for state_dict in ({}, {"state": None}, {"state": "?"}):
        with pytest.raises(dvar.StateError):
            rule.load_state_dict(state_dict)
    assert rule.save() == before


def test_a_grid_of_stops_is_the_replay_of_each_cell():
    rng = np.random.default_rng(4)
    losses = np.exp(-np.arange(600) / 80) + 0.01 * rng.normal(size=600)
    windows, thresholds = [20, 100, 700], [0.9, 0.05, 0.4, 0.01]
    grid = dvar.threshold_grid(losses, windows, thresholds)
    assert grid == [[dvar.VarianceRatio(w, t).replay(losses) for t in thresholds] for w in windows]
    stops = [stop for row in grid for stop in row]
    assert len({*stops}) > 6 and None in stops
    with pytest.raises(ValueError, match="window must be at least 2, not 1"):
        dvar.threshold_grid(losses, [1], thresholds)
    with pytest.raises(ValueError, match="window must be at least 2, not -1"):
        dvar.threshold_grid(losses, [-1], thresholds)
    with pytest.raises(ValueError, match="window must be at most"):
        dvar.threshold_grid(losses, [2**64 + 5], thresholds)
    assert dvar.threshold_grid([], [], []) == []


def test_whole_numbers_may_be_of_any_type():
    rule = dvar.AnyOf(dvar.After(np.int64(2), dvar.Every(np.uint8(1), dvar.StepLimit(3))))
    assert [bool(rule.observe(0.0, step=step)) for step in (np.int32(1), True + 1, np.uint64(3))] == [False, False, True]


@pytest.mark.parametrize("long_call", ("replay", "threshold_grid"))
def test_other_threads_run_during_long_calls(long_call):
    counted, done = [], threading.Event()

    def count():
        while not done.is_set():
            counted.append(1)
            time.sleep(0)

    losses = [1.0 / n for n in range(1, 20_001)]
    rule = dvar.VarianceRatio(threshold=1e-9)
    calls = {"replay": lambda: rule.replay(losses), "threshold_grid": lambda: dvar.threshold_grid(losses, [310], [1e-9])}
    interval = sys.getswitchinterval()
    other = threading.Thread(target=count)
    try:
        # No thread loses its turn now, it only gives it away.
        sys.setswitchinterval(1000)
        other.start()
        before = len(counted)
        for _ in range(1000):
            calls[long_call]()
            if len(counted) > before:
                break
        assert len(counted) > before
    finally:
        done.set()
        sys.setswitchinterval(interval)
        other.join()


def test_importing_it_imports_no_framework():
    code = "import sys, dvar; print(*({'numpy', 'torch', 'keras', 'pytorch_lightning'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
