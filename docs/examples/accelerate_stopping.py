"""A loop with Accelerate that stops when its model has converged: the same on one device and on several."""

import itertools

import dvar
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from dvar.accelerate import ConvergenceStopping

set_seed(1)
accelerator = Accelerator(cpu=True)
model = torch.nn.Sequential(torch.nn.Linear(3, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)


def draw_points(count):
    x = torch.randn(count, 3)
    return x, x.sum(dim=1, keepdim=True) + 0.5 * torch.randn(count, 1)


def loss_of(batch):
    x, y = (tensor.to(accelerator.device) for tensor in batch)
    return torch.nn.functional.mse_loss(model(x), y)


loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*draw_points(4000)), batch_size=4, shuffle=True)
model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
probe = dvar.DeterministicProbe(loss_of, {"batch": lambda: draw_points(64)}, model=model)
stopping = ConvergenceStopping(accelerator, probe, dvar.AnyOf(dvar.VarianceRatio(), dvar.StepLimit(5000)))

for batch in itertools.chain.from_iterable(itertools.repeat(loader)):
    with accelerator.accumulate(model):
        accelerator.backward(loss_of(batch))
        optimizer.step()
        optimizer.zero_grad()
    if stopping.after_batch():
        break

accelerator.print(f"stopped at step {stopping.step} by {stopping.rule.latest().rule}: {stopping.rule.reason()}")
