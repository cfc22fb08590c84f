"""dvar.torch.ReduceLROnStop: the rates of PyTorch's ReduceLROnPlateau with the rule that equals it, and a stop."""

import dvar
import pytest
import torch
from dvar.torch import ReduceLROnStop


def new_optimizer(*rates):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates]
    return torch.optim.SGD(groups)


def rates(optimizer, make, values):
    scheduler, seen = make(optimizer), []
    for value in values:
        optimizer.step()
        scheduler.step(value)
        assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        seen.append(list(scheduler.get_last_lr()))
    return seen


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("patience", [0, 1, 4])
@pytest.mark.parametrize("cooldown", [0, 1, 3])
def test_gives_the_rates_of_reduce_lr_on_plateau(mode, patience, cooldown):
    settings = {"factor": 0.5, "cooldown": cooldown, "min_lr": [0.01, 0.2]}
    direction, remembers = ("minimize", "least") if mode == "min" else ("maximize", "largest")

    def ours(optimizer):
        rule = dvar.Patience(direction, patience=patience + 1)
        return ReduceLROnStop(optimizer, rule, drops=1000, remembers=remembers, **settings)

    def theirs(optimizer):
        # eps is what the smallest change of a rate is; ours takes every one.
        return torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, mode, patience=patience, threshold=0, eps=0, **settings
        )

    torch.manual_seed(patience * 10 + cooldown)
    values = torch.randint(0, 40, (300,)).double()
    values[torch.rand(300) < 0.05] = float("nan")
    values = values.tolist()
    seen = rates(new_optimizer(1.0, 0.5), ours, values)
    assert seen == rates(new_optimizer(1.0, 0.5), theirs, values)
    assert seen[-1] == [0.01, 0.2]


def test_stops_after_the_drops_and_goes_on_from_its_state():
    optimizer = new_optimizer(1.0)

    def make():
        return ReduceLROnStop(optimizer, dvar.Patience("minimize", patience=2), factor=0.5, drops=2, cooldown=1)

    scheduler, steps = make(), 0
    while not scheduler.stop:
        state = scheduler.state_dict()
        scheduler = make()
        scheduler.load_state_dict(state)
        scheduler.step(torch.tensor(1.0))
        steps += 1
    # An improvement, two that are none, and one of the cooldown, twice; and three more.
    assert (steps, scheduler.num_drops, scheduler.last_epoch, scheduler.get_last_lr()) == (11, 2, 11, [0.25])
    before = scheduler.state_dict()
    other = ReduceLROnStop(optimizer, dvar.Patience("minimize", patience=3))
    for bad in ({}, other.state_dict()):
        with pytest.raises(dvar.StateError):
            scheduler.load_state_dict(bad)
        assert scheduler.state_dict() == before


def test_is_a_scheduler_and_lowers_rates_that_are_tensors():
    rate = torch.tensor(1.0)
    optimizer = new_optimizer(rate)
    scheduler = ReduceLROnStop(optimizer, dvar.Threshold("minimize", 0.5), drops=1)
    scheduler.step(0.0)
    assert isinstance(scheduler, torch.optim.lr_scheduler.LRScheduler)
    assert optimizer.param_groups[0]["lr"] is rate and float(rate) == pytest.approx(0.1)


def test_mistakes_are_named():
    optimizer, rule = new_optimizer(1.0, 1.0), dvar.NonFinite()
    for settings, message in [
        ({"factor": 1.0}, "factor must be above 0 and below 1, not 1.0"),
        ({"drops": -1}, "drops must be at least 0, not -1"),
        ({"min_lr": [0.1]}, "min_lr: expected 2 numbers, one for each parameter group, not 1"),
        ({"remembers": "all"}, "remembers must be nothing, least or largest, not 'all'"),
    ]:
        with pytest.raises(ValueError, match=message):
            ReduceLROnStop(optimizer, rule, **settings)
