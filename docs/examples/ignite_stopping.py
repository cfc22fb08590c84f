"""An Ignite trainer that stops when its model has converged, with the weights of the best value."""

import dvar
import torch
from dvar.ignite import ConvergenceStopping
from ignite.engine import create_supervised_trainer

torch.manual_seed(1)
model = torch.nn.Sequential(torch.nn.Linear(3, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))


def draw_points(count):
    x = torch.randn(count, 3)
    return x, x.sum(dim=1, keepdim=True) + 0.5 * torch.randn(count, 1)


def loss_of(batch):
    return torch.nn.functional.mse_loss(model(batch[0]), batch[1])


data = torch.utils.data.TensorDataset(*draw_points(4000))
loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True)
trainer = create_supervised_trainer(model, torch.optim.SGD(model.parameters(), lr=0.02), torch.nn.functional.mse_loss)

probe = dvar.DeterministicProbe(loss_of, {"batch": lambda: draw_points(64)}, model=model)
rule = dvar.AnyOf(dvar.VarianceRatio(), dvar.StepLimit(5000))
stopping = ConvergenceStopping(probe, rule, restore_best_weights=model)
stopping.attach(trainer)
trainer.run(loader, max_epochs=100)

print(f"stopped at step {stopping.stopped_step} by {rule.latest().rule}: {rule.reason()}")
print(f"the weights are those of step {stopping.best.step}, with a loss of {stopping.best.value:.4f} on the fixed batch")
assert probe() == stopping.best.value
