"""dvar.BestWeights: the weights of the best value come back, and nothing else changes."""

import dvar
import keras
import numpy as np
import pytest
import torch


class Tied(torch.nn.Module):
    """Has what is learned, what is frozen, a buffer, and a weight with two names."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(2, 2)
        self.frozen = torch.nn.Linear(2, 2).requires_grad_(False)
        self.norm = torch.nn.BatchNorm1d(2)
        self.tied = torch.nn.Linear(2, 2)
        self.tied.weight = self.first.weight


def fill(model, number):
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            tensor.fill_(number)


def numbers(model):
    return {float(tensor.double().mean()) for name, tensor in model.state_dict().items() if "frozen" not in name}


@pytest.mark.parametrize(
    ("direction", "values", "best"),
    [
        ("minimize", [3.0, 1.0, 2.0, 1.0], 1),
        ("maximize", [3.0, 1.0, 3.0, 2.0], 0),
        ("minimize", [float("nan"), float("-inf"), 2.0, 3.0], 2),
    ],
)
def test_restores_the_first_of_the_best(direction, values, best):
    model, kept = Tied(), dvar.BestWeights(direction)
    taken = []
    for step, value in enumerate(values):
        fill(model, step)
        taken.append(kept.observe(value, model, step))
    assert (kept.value, kept.step) == (values[best], best)
    assert taken[best] and not any(taken[best + 1 :])
    assert kept.restore(model)
    assert numbers(model) == {float(best)}
    assert float(model.frozen.weight[0, 0]) == len(values) - 1
    assert model.tied.weight is model.first.weight
    assert len(kept.state_dict()["weights"]) == len(list(model.parameters())) - 2 + len(list(model.buffers()))


def test_without_a_finite_value_there_is_nothing_to_restore():
    model, kept = Tied(), dvar.BestWeights()
    fill(model, 7)
    assert not kept.observe(float("nan"), model)
    assert not kept.restore(model)
    assert numbers(model) == {7.0}


def test_goes_on_from_a_checkpoint(tmp_path):
    model, kept = Tied(), dvar.BestWeights()
    fill(model, 4)
    kept.observe(1.0, model, 12)
    torch.save(kept.state_dict(), tmp_path / "best.pt")

    resumed = dvar.BestWeights()
    resumed.load_state_dict(torch.load(tmp_path / "best.pt", weights_only=True))
    fill(model, 5)
    assert not resumed.observe(1.5, model, 13)
    resumed.restore(model)
    assert numbers(model) == {4.0} and (resumed.value, resumed.step) == (1.0, 12)
    for bad in ({}, None, {"value": 1.0, "step": 1, "weights": None}):
        with pytest.raises(dvar.StateError):
            resumed.load_state_dict(bad)
        assert (resumed.value, resumed.step) == (1.0, 12)


def test_several_modules_and_another_model():
    models, kept = [torch.nn.Linear(1, 1), torch.nn.Linear(1, 2)], dvar.BestWeights()
    for model in models:
        fill(model, 1)
    kept.observe(1.0, models)
    for model in models:
        fill(model, 2)
    kept.restore(models)
    assert [numbers(model) for model in models] == [{1.0}, {1.0}]
    with pytest.raises(ValueError, match=r"of another model: 1.bias is \(2,\) there and \(1,\) here"):
        kept.restore([torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)])


def test_keras():
    model, kept = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)]), dvar.BestWeights()
    best = model.get_weights()
    kept.observe(1.0, model)
    model.set_weights([weight + 1.0 for weight in best])
    assert kept.restore(model)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), best))


def test_refuses_weights_in_parts():
    model = torch.nn.Linear(2, 2)
    model.bias.ds_id = 1  # as DeepSpeed's third stage marks them
    with pytest.raises(ValueError, match="0.bias lies in parts on several ranks"):
        dvar.BestWeights().observe(1.0, model)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="direction must be minimize or maximize, not 'least'"):
        dvar.BestWeights("least")
