"""The rules of the Python package are those of the C++ library, to the bit; and what only Python has."""

import copy
import inspect
import json
import math
import pathlib
import pickle
import runpy
import subprocess
import sys
import threading
import time

import dvar
import numpy as np
import pytest
import torch
from dvar import _native
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
    "clip_s:v1": dvar.ClipS.v1,
    "generalization_loss:direction=maximize,alpha=5": lambda: dvar.GeneralizationLoss("maximize", alpha=5),
    "progress_quotient:alpha=0.5,strip=3": lambda: dvar.ProgressQuotient("minimize", 0.5, 3),
    "successive_rises:rises=2,strip=3": lambda: dvar.SuccessiveRises("minimize", rises=2, strip=3),
    "ema_percentile:lag=8,weight=0.4,threshold=0.02": lambda: dvar.EmaPercentile(8, 0.4, 0.02),
    "hall:window=6,threshold=0.2": lambda: dvar.Hall(6, 0.2),
    "trend:window=11,threshold=0.03": lambda: dvar.Trend(11, 0.03),
    "geweke:window=20,first=0.2,last=0.4,threshold=1.5": lambda: dvar.Geweke(20, 0.2, 0.4, threshold=1.5),
    "mean_settled:window=20,effective_samples=5,threshold=1.5,stride=2": lambda: dvar.MeanSettled(20, 5.0, 1.5, 2),
    "sasa:batches=4,batch_length=5,significance=0.2": lambda: dvar.Sasa(4, 5, 0.2),
    "plateau:window=15,tolerance=0.01": lambda: dvar.Plateau("minimize", window=15, tolerance=0.01),
    "slope_test:window=15,probability=0.2,discard=0.2": lambda: dvar.SlopeTest(15, 0.2, discard=0.2),
    "diminishing_returns:share=0.2,window=12,part=0.5,block=3": lambda: dvar.DiminishingReturns("minimize", 0.2, 12, 0.5, 3),
    "sequential_test:probability=0.05,share=0.2,first=20": lambda: dvar.SequentialTest("minimize", 0.05, 0.2, first=20),
    "step_limit:limit=40": lambda: dvar.StepLimit(40),
    "non_finite": dvar.NonFinite,
    "geweke:window=20,after=30": lambda: dvar.make_rule("geweke:window=20,after=30"),
    "already_converged:observations=30,significance=0.2": lambda: dvar.AlreadyConverged(30, 0.2),
    "variance_ratio:window=12,threshold=0.3,despiked=3": lambda: dvar.Despiked(3, dvar.VarianceRatio(12, 0.3)),
    "non_finite:every=2": lambda: dvar.Every(2, dvar.NonFinite()),
    "patience&generalization_loss&patience:direction=maximize": lambda: dvar.AllOf(
        dvar.Patience("minimize"), dvar.GeneralizationLoss("minimize"), dvar.Patience("maximize")
    ),
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
        assert rule.report() == expected.report and list(rule.report()) == list(expected.report)


@pytest.mark.parametrize("described", _native.catalog()["rules"], ids=lambda described: described["name"])
def test_each_rule_of_the_library_has_a_class(described):
    name = described["name"]
    kind = getattr(dvar, "".join(map(str.capitalize, name.split("_"))))
    required = ["direction"] * described["direction"] + [o["name"] for o in described["options"] if o["required"]]
    given = {option: "maximize" if option == "direction" else 2 for option in required}
    defaults = {o["name"]: o["default"] for o in described["options"] if not o["required"]}
    parameters = inspect.signature(kind).parameters.values()
    assert [(p.name, p.default) for p in parameters] == [
        *((name, inspect.Parameter.empty) for name in required), *defaults.items()
    ]
    assert kind.__doc__.startswith(described["summary"] + ".")
    assert all(f"{option['name']}: {option['sentence']}" in kind.__doc__ for option in described["options"])

    rule = kind(**given)
    texts = [":".join([name, ",".join(f"{key}={value}" for key, value in given.items())] if given else [name])]
    texts += [f"{name}:{published['name']}" for published in described["published"]]
    rules = [rule] + [getattr(kind, published["name"])() for published in described["published"]]
    for made, expected in zip(rules, replay([(text, []) for text in texts])):
        assert type(made) is kind and made.save() == expected.state and made.report() == expected.report
    assert rule.save() == kind(*given.values(), *defaults.values()).save()
    assert repr(rule) == repr(pickle.loads(pickle.dumps(rule)))

    assert list(rule.report()) == described["reported"]
    assert not set(described["reported"]) & set(vars(dvar.Rule)), "a number would hide what all rules have"
    for value in (4.0, 1.0, 2.0, 3.0, 2.0):
        rule.observe(value)
        assert [getattr(rule, number) for number in described["reported"]] == list(rule.report().values())
    with pytest.raises(TypeError, match=rf"{kind.__name__}\(\) got an unexpected keyword argument 'windw'"):
        kind(**given, windw=2)


@pytest.mark.parametrize("described", _native.catalog()["combinators"], ids=lambda described: described["name"])
def test_each_combinator_of_texts_has_a_class(described):
    name = described["name"]
    (expected,) = replay([(f"non_finite:{name}=3", [1.0, math.nan, 2.0, math.nan])])
    rule = getattr(dvar, name.capitalize())(3, dvar.NonFinite())
    assert rule.replay([1.0, math.nan, 2.0, math.nan]) == expected.stop
    for value in (1.0, math.nan, 2.0, math.nan)[: expected.stop]:
        rule.observe(value)
    assert rule.save() == expected.state


def test_the_types_are_those_of_the_classes():
    """Otherwise, with this package installed: python bindings/python/make_stubs.py"""
    directory = pathlib.Path(__file__).parents[3] / "bindings" / "python"
    make_stubs = runpy.run_path(str(directory / "make_stubs.py"))
    assert (directory / "dvar" / "rules.pyi").read_text() == make_stubs["stub"](dvar.rules)


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
    assert not first and first == dvar.Verdict(stop=False, warming_up=True, rule="", statistic=None)
    rule.observe(1.0)
    third = rule.observe(1.0)
    assert not third and third.statistic == 1.0
    fourth = rule.observe(1.0)
    assert fourth and fourth == (True, False, "variance_ratio", 0.0) == rule.latest()
    assert rule.reason().startswith("the variance of the last 3 observations is 0 of the total")


def test_groups_name_the_member_that_stops():
    rule = dvar.AnyOf(dvar.VarianceRatio(4), dvar.StepLimit(20), dvar.NonFinite())
    assert not rule.observe(1.0, step=19)
    assert rule.observe(1.0, step=20).rule == "step_limit"
    assert rule.observe(math.nan, step=3).rule == "non_finite"
    both = dvar.AllOf(dvar.StepLimit(2), dvar.Threshold("minimize", 0.5))
    assert [bool(both.observe(value)) for value in (0.1, 0.9, 0.1)] == [False, False, True]
    assert both.latest().rule == "all_of"
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
    assert again.observe(1.0) == rule.observe(1.0) and rule.latest().rule == "all_of"


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


def test_rules_report_their_own_numbers():
    ratio = dvar.VarianceRatio(window=3)
    assert ratio.report() == {"rolling_variance": None, "total_variance": None, "ratio": None}
    values = [4.0, 1.0, 2.0, 4.0]
    for value in values:
        ratio.observe(value)
    assert ratio.rolling_variance == pytest.approx(np.var(values[1:]), rel=1e-14)
    assert ratio.total_variance == pytest.approx(np.var(values), rel=1e-14)
    assert ratio.ratio == ratio.latest().statistic == pytest.approx(np.var(values[1:]) / np.var(values), rel=1e-14)
    patience = dvar.Patience("minimize", min_delta=1.0)
    assert (patience.best, patience.wait) == (None, None)
    for value in (3.0, 2.5, 2.75):
        patience.observe(value)
    assert (patience.best, patience.wait) == (2.5, 2)
    group = dvar.AnyOf(ratio, patience, dvar.Latched(dvar.Patience("maximize")), dvar.GeneralizationLoss("minimize"))
    assert group.report() == ratio.report() | {
        "patience_1/best": 2.5, "patience_1/wait": 2.0, "patience_2/best": None, "patience_2/wait": None,
        "generalization_loss/best": None, "generalization_loss": None,
    }
    assert dvar.NonFinite().report() == {}


def test_mistakes_are_named():
    for make, message in (
        (lambda: dvar.VarianceRatio(window=1), "window must be at least 2, not 1"),
        (lambda: dvar.VarianceRatio(threshold=0), "threshold must be above 0"),
        (lambda: dvar.VarianceRatio(non_finite="drop"), "VarianceRatio: non_finite must be keep or skip, not 'drop'"),
        (lambda: dvar.Patience("up"), "Patience: direction must be minimize or maximize, not 'up'"),
        (lambda: dvar.make_rule("non_finite\0x"), "a rule's text must have no character 0"),
        (lambda: dvar.StepLimit(0), "at least 1, not 0"),
        (lambda: dvar.StepLimit(-1), "found '-1'"),
        (lambda: dvar.Every(-1, dvar.NonFinite()), "Every: stride must be at least 1, not -1"),
        (lambda: dvar.Consecutive(0, dvar.NonFinite()), "Consecutive: times must be at least 1, not 0"),
        (lambda: dvar.Despiked(4, dvar.NonFinite()), "odd"),
        (lambda: dvar.After(2**64 + 5, dvar.NonFinite()), "After: minimum must be at most 18446744073709551615, not 18446744073709551621"),
        (lambda: dvar.AnyOf(), "at least 1 member"),
        (lambda: dvar.make_rule("variance_ration"), "there is no rule 'variance_ration' (did you mean 'variance_ratio'?)"),
        (lambda: dvar.NonFinite().observe(1.0, step=-1), "step must be at least 0"),
        (lambda: dvar.StepLimit(5).observe(1.0, step=2**64), "step must be at most"),
    ):
        with pytest.raises(ValueError) as error:
            make()
        assert message in str(error.value)
    for make, message in (
        (lambda: dvar.StepLimit(), "StepLimit() missing a required argument: 'limit'"),
        (lambda: dvar.NonFinite(3), "NonFinite() too many positional arguments"),
        (lambda: dvar.StepLimit("5&non_finite"), "StepLimit: limit must be a whole number, not '5&non_finite'"),
        (lambda: dvar.StepLimit(True), "StepLimit: limit must be a whole number, not True"),
        (lambda: dvar.VarianceRatio(window=3.5), "VarianceRatio: window must be a whole number, not 3.5"),
        (lambda: dvar.VarianceRatio(threshold="0.1,window=3"), "VarianceRatio: threshold must be a number, not '0.1,window=3'"),
        (lambda: dvar.Patience(3), "Patience: direction must be a string, not 3"),
        (lambda: dvar.make_rule(b"non_finite"), "a rule's text must be a string, not b'non_finite'"),
        (lambda: dvar.VarianceRatio(3, window=3), "VarianceRatio() multiple values for argument 'window'"),
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


def test_a_message_names_all_that_would_have_been_right():
    with pytest.raises(ValueError) as error:
        dvar.make_rule("nothing_like_it")
    assert all(rule["name"] in str(error.value) for rule in _native.catalog()["rules"])
    assert not str(error.value).endswith("...")


def test_a_rule_that_was_never_made_says_so():
    class Forgetful(dvar.Rule):
        def __init__(self):
            pass

    for rule in (Forgetful(), dvar.VarianceRatio.__new__(dvar.VarianceRatio)):
        for use in (
            lambda: rule.observe(1.0), lambda: rule.advance(1), rule.latest, rule.reason, rule.report, rule.reset, rule.save,
            lambda: rule.load(b""), lambda: rule.replay([1.0]), lambda: dvar.AnyOf(rule), lambda: dvar.Latched(rule),
        ):
            with pytest.raises(TypeError, match=f"{type(rule).__name__}: there is no rule in it"):
                use()


def test_a_group_refuses_a_member_whose_own_methods_it_would_not_call():
    class Louder(dvar.StepLimit):
        def observe(self, value, step=None):
            return super().observe(value, step)

    class Named(dvar.StepLimit):
        title = "the limit"

    for make in (dvar.AnyOf, dvar.Latched, lambda rule: dvar.After(2, rule)):
        with pytest.raises(TypeError, match="Louder has a observe of its own, which a group would not call"):
            make(Louder(3))
        assert not make(Named(3)).latest()


def test_limits_hold_between_observations():
    rule = dvar.AnyOf(dvar.VarianceRatio(), dvar.StepLimit(25), dvar.NonFinite())
    assert not rule.observe(1.0, step=20) and not rule.advance(np.int64(24), loss=0.5)
    assert rule.advance(24, torch.tensor(math.nan)).rule == "non_finite"
    assert not rule.advance(24, 0.5)
    assert rule.advance(25).rule == "step_limit" == rule.latest().rule
    assert not dvar.Patience("minimize").advance(10**9)


def test_a_rule_says_the_text_that_it_can_be_made_from():
    rule = dvar.AnyOf(
        dvar.After(500, dvar.Consecutive(5, dvar.AllOf(dvar.Despiked(3, dvar.VarianceRatio(100)), dvar.SlopeTest()))),
        dvar.Latched(dvar.Patience("maximize", patience=4)), dvar.NonFinite(), dvar.StepLimit(6100),
    )
    text = (
        "(variance_ratio:window=100,despiked=3&slope_test):consecutive=5,after=500"
        "|patience:direction=maximize,patience=4,latched|non_finite|step_limit:limit=6100"
    )
    assert rule.text() == text
    assert json.loads(rule.to_json())["any_of"][3] == {"rule": "step_limit", "limit": 6100}
    for again in (dvar.make_rule(text), dvar.make_rule(rule.to_json()), dvar.make_rule(json.dumps(json.loads(rule.to_json()), indent=2))):
        assert again.save() == rule.save() and again.text() == text


def test_a_state_may_be_any_bytes():
    rule = dvar.StepLimit(5)
    rule.observe(0.0, step=np.int64(3))
    for kind in (bytes, bytearray, memoryview):
        loaded = dvar.StepLimit(5)
        loaded.load(kind(rule.save()))
        assert loaded.save() == rule.save()


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


@pytest.mark.parametrize("module", ["os", "collections"])
def test_a_rule_that_outlives_the_package_says_nothing(module):
    # Python empties modules at its end in the reverse order of their imports: this one has a rule when the package's are empty.
    code = f"import {module}, dvar; {module}.kept = dvar.StepLimit(3)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr == ""
