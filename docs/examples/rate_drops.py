"""A PyTorch training whose learning rate falls when the loss no longer does, and that stops after the third time."""

import dvar
import torch
from dvar.torch import ReduceLROnStop

torch.manual_seed(1)
model = torch.nn.Sequential(torch.nn.Linear(3, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)


def draw_batch(count=64):
    x = torch.randn(count, 3)
    return x, x.sum(dim=1, keepdim=True) + 0.5 * torch.randn(count, 1)


def loss_of(batch):
    return torch.nn.functional.mse_loss(model(batch[0]), batch[1])


probe = dvar.DeterministicProbe(loss_of, {"batch": lambda: draw_batch(512)}, model=model)
scheduler = ReduceLROnStop(optimizer, dvar.VarianceRatio(window=310, threshold=0.5), factor=0.1, drops=2)
steps = 0
while not scheduler.stop and steps < 5000:
    optimizer.zero_grad()
    loss_of(draw_batch(count=4)).backward()
    optimizer.step()
    scheduler.step(probe())
    steps += 1

print(f"rate {scheduler.get_last_lr()[0]:g} at step {steps}, by variance_ratio: {scheduler.rule.reason()}")
