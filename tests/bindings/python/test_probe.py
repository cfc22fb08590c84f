"""dvar.DeterministicProbe: the same inputs every time, and a training that does not notice."""

import copy
import io
import random

import dvar
import numpy as np
import pytest
import torch


class Net(torch.nn.Module):
    """Has all that an evaluation can disturb: dropout, running statistics, and a part that is frozen in evaluation mode."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(4, 16)
        self.norm = torch.nn.BatchNorm1d(16)
        self.frozen_norm = torch.nn.BatchNorm1d(16).eval()
        self.dropout = torch.nn.Dropout(0.3)
        self.last = torch.nn.Linear(16, 1)

    def forward(self, x):
        return self.last(self.dropout(self.frozen_norm(self.norm(torch.relu(self.first(x))))))


def new_net():
    torch.manual_seed(3)
    return Net()


def draw_batch(count=32):
    x = torch.randn(count, 4)
    return x, x.sum(dim=1, keepdim=True) + 0.5 * torch.randn(count, 1)


def loss_of(model, batch):
    return torch.nn.functional.mse_loss(model(batch[0]), batch[1])


def train(steps, make_probe=None):
    """A training that draws from everything; returns the weights and draws, bit for bit, and the probe's values."""
    model = new_net()
    torch.manual_seed(11)
    random.seed(12)
    np.random.seed(13)
    generator = np.random.default_rng(14)
    optimizer = torch.optim.Adam(model.parameters())
    probe = make_probe(model, generator) if make_probe else None
    drawn, values = [], []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(model, draw_batch())
        loss.backward()
        optimizer.step()
        drawn.append((random.random(), np.random.rand(), generator.normal(), loss.item()))
        if probe:
            values.append(probe())
            assert torch.is_grad_enabled() and model.training and not model.frozen_norm.training
    return model.state_dict(), drawn, values


def test_the_training_is_bit_identical_with_it_and_without():
    def make_probe(model, generator):
        def loss(batch, noise):
            # Draws as training does, from everything.
            return loss_of(model, batch) + 0 * (torch.rand(()) + random.random() + np.random.rand() + generator.normal())

        sources = {"batch": draw_batch, "noise": lambda: torch.randn(3)}
        return dvar.DeterministicProbe(loss, sources, resample={"noise"}, model=model, preserve=[generator])

    alone, drawn_alone, _ = train(40)
    watched, drawn_watched, values = train(40, make_probe)
    assert drawn_alone == drawn_watched
    assert all(torch.equal(alone[name], watched[name]) for name in alone)
    assert len(set(values)) > 35 and all(map(np.isfinite, values))


def test_without_its_isolation_the_training_would_differ():
    """Otherwise the test above could not fail."""
    alone, _, _ = train(3)
    disturbed, _, _ = train(3, lambda model, generator: lambda: loss_of(model, draw_batch()).item())
    assert not all(torch.equal(alone[name], disturbed[name]) for name in alone)


def test_the_value_changes_with_the_model_alone():
    model = new_net()
    probe = dvar.DeterministicProbe(lambda batch: loss_of(model, batch), {"batch": draw_batch}, model=model)
    first = probe()
    torch.randn(5)
    assert probe() == first
    model.eval()
    assert first == float(loss_of(model, probe.values["batch"]))
    with torch.no_grad():
        model.last.bias += 0.1
    assert probe() != first


def test_draws_within_the_loss_are_the_same_every_time():
    def loss():
        return torch.rand(()).item() + np.random.rand() + random.random()

    probe = dvar.DeterministicProbe(loss)
    assert probe() == probe()
    assert dvar.DeterministicProbe(loss, seed=1)() != probe()


def test_seeds_decide_the_draws_and_their_streams_differ():
    sources = {"a": lambda: torch.rand(4).tolist(), "b": lambda: torch.rand(4).tolist()}
    seen = []

    def loss(a, b):
        seen.append((a, b, torch.rand(4).tolist()))
        return 0.0

    for seed in (0, 0, 1):
        dvar.DeterministicProbe(loss, sources, resample=["b"], seed=seed)()
    assert seen[0] == seen[1]
    assert len({tuple(numbers) for run in (seen[0], seen[2]) for numbers in run}) == 6


def test_sources_may_need_those_before_them():
    sources = {
        "images": lambda: torch.randn(2, 3),
        "latents": lambda images: images + torch.randn(2, 3),
        "noise": lambda latents, images, scale=0.5: scale * torch.randn_like(latents) + 0 * images,
    }
    seen = []
    probe = dvar.DeterministicProbe(lambda **values: seen.append(values) or 0.0, sources, resample={"latents", "noise"})
    probe()
    probe()
    assert list(probe.values) == ["images"]
    assert torch.equal(seen[0]["images"], seen[1]["images"])
    assert not torch.equal(seen[0]["latents"], seen[1]["latents"])
    assert not torch.equal(seen[0]["noise"], seen[1]["noise"])


def test_mistakes_are_named():
    def fixed():
        return 1

    for sources, resample, message in (
        ({"a": fixed}, {"b"}, "there is no source b"),
        ({"a": lambda b: b, "b": fixed}, (), "source a: its parameter b is no source before it"),
        ({"a": lambda a: a}, (), "source a: its parameter a is no source before it"),
        ({"a": fixed, "b": lambda a: a}, {"a"}, "source b is fixed, and a, which it needs, is resampled"),
    ):
        with pytest.raises(ValueError, match=message):
            dvar.DeterministicProbe(lambda **_: 0.0, sources, resample=resample)
    with pytest.raises(TypeError, match="source a: expected a function that draws, not int"):
        dvar.DeterministicProbe(lambda a: 0.0, {"a": 3})
    with pytest.raises(TypeError, match="preserve: expected generators"):
        dvar.DeterministicProbe(lambda: 0.0, preserve=[3])
    with pytest.raises((RuntimeError, ValueError, TypeError)):
        dvar.DeterministicProbe(lambda: torch.zeros(2))()


def test_a_loss_that_raises_leaves_everything_as_it_was():
    model = new_net()
    generators = [random.Random(1), np.random.RandomState(1), np.random.default_rng(1), torch.Generator()]

    def loss():
        for draw in (random.random, np.random.rand, torch.rand(2).sum, generators[0].random, generators[1].rand,
                     generators[2].random, lambda: torch.rand(2, generator=generators[3])):
            draw()
        raise KeyError("no loss")

    probe = dvar.DeterministicProbe(loss, model=[model, torch.nn.Dropout()], preserve=generators)
    states = [random.getstate(), torch.get_rng_state().tolist(), str(np.random.get_state()),
              generators[0].getstate(), str(generators[1].get_state()), generators[2].bit_generator.state,
              generators[3].get_state().tolist()]
    with pytest.raises(KeyError):
        probe()
    assert states == [random.getstate(), torch.get_rng_state().tolist(), str(np.random.get_state()),
                      generators[0].getstate(), str(generators[1].get_state()), generators[2].bit_generator.state,
                      generators[3].get_state().tolist()]
    assert torch.is_grad_enabled() and model.training and not model.frozen_norm.training


def test_a_probe_goes_on_from_its_state():
    def make(seed):
        return dvar.DeterministicProbe(
            lambda a, b: a + b + np.random.rand(),
            {"a": lambda: torch.rand(()).item(), "b": lambda: random.random() + np.random.rand()},
            resample={"b"},
            seed=seed,
        )

    probe = make(1)
    values = [probe() for _ in range(3)]
    file = io.BytesIO()
    torch.save(probe.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    after = [probe() for _ in range(3)]
    for seed in (1, 2):
        other = make(seed)
        other.load_state_dict(copy.deepcopy(state))
        assert [other() for _ in range(3)] == after
    assert len({*values, *after}) == 6

    # Saved where CUDA was in use, loaded where it is not, with a map_location. That needs another device: this stands in.
    class OnAnotherDevice:
        def __init__(self, tensor):
            self.tensor = tensor

        def cpu(self):
            return self.tensor

    torch_state = OnAnotherDevice(state["stream"]["torch"])
    state["stream"] |= {"torch": torch_state, "cuda": [OnAnotherDevice(torch.zeros(16, dtype=torch.uint8))]}
    other = make(1)
    other.load_state_dict(state)
    waiting = len(torch.cuda._queued_calls)
    assert [other() for _ in range(3)] == after
    assert len(torch.cuda._queued_calls) == waiting, "these would disturb the training when it begins to use CUDA"


def test_a_probe_that_is_the_first_to_use_cuda_is_refused(monkeypatch):
    """What it drew there was not seeded. There may be no such device here, so that it came into use is made up."""
    in_use = False

    def first_use():
        nonlocal in_use
        in_use = True
        return torch.rand(()).item()

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: in_use)
    before = torch.get_rng_state()
    probe = dvar.DeterministicProbe(first_use)
    with pytest.raises(RuntimeError, match=r"first to use CUDA: call torch\.cuda\.init\(\) before it is made"):
        probe()
    assert torch.equal(torch.get_rng_state(), before)
    in_use = False
    with pytest.raises(RuntimeError, match="first to use CUDA"):
        dvar.DeterministicProbe(lambda a: a, {"a": first_use})
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loss_that_does_not_take_the_sources_is_refused_when_the_probe_is_made():
    for loss, sources in (
        (lambda batch, noise: 0.0, {"batch": lambda: 1}),
        (lambda: 0.0, {"batch": lambda: 1}),
        (lambda x: 0.0, None),
        (0.5, None),
    ):
        with pytest.raises(TypeError, match="^loss: "):
            dvar.DeterministicProbe(loss, sources)
    assert dvar.DeterministicProbe(lambda batch, scale=2.0, **others: batch * scale, {"batch": lambda: 3, "noise": lambda: 1})() == 6.0


@pytest.mark.parametrize(
    ("draw", "change"),
    [
        (lambda: torch.ones(3), lambda x: x.add_(1)),
        (lambda: np.ones(3), lambda x: x.__iadd__(1)),
        (lambda: {"x": [torch.ones(3), 1.0]}, lambda x: x["x"][0].mul_(2)),
        (lambda: [1.0, 2.0], lambda x: x.append(3.0)),
        (lambda: {"a": {1, 2}}, lambda x: x["a"].add(3)),
    ],
)
def test_a_fixed_value_that_the_loss_changes_in_place_is_noticed(draw, change):
    changes = [False]

    def loss(batch):
        if changes[0]:
            change(batch)
        return float(len(batch))

    probe = dvar.DeterministicProbe(loss, {"batch": draw})
    before = probe()
    changes[0] = True
    with pytest.raises(RuntimeError, match="the loss changed batch in place: let it work on a copy"):
        probe()
    changes[0] = False
    assert probe() == before
    assert str(probe.values["batch"]) == str(draw())


def test_a_state_that_is_none_leaves_the_probe_as_it_was():
    def make():
        return dvar.DeterministicProbe(
            lambda batch, noise: batch + noise, {"batch": lambda: torch.rand(()), "noise": lambda: torch.rand(())},
            resample={"noise"}, seed=3,
        )

    probe, other = make(), make()
    for state in ({}, {"seed": 4}, {"seed": 4, "stream": {"python": "no state"}}, {"seed": 4, "stream": {"python": (3, (1,), None)}}):
        with pytest.raises(dvar.StateError, match="not the state_dict of a probe"):
            probe.load_state_dict(state)
    assert [probe() for _ in range(3)] == [other() for _ in range(3)]
