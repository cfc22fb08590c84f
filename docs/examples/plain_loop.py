"""A training loop in PyTorch that stops when it has converged."""

import itertools

import dvar
import torch

torch.manual_seed(1)
model = torch.nn.Sequential(torch.nn.Linear(3, 32), torch.nn.Tanh(), torch.nn.Dropout(0.1), torch.nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)


def draw_batch(count=64):
    x = torch.randn(count, 3)
    return x, x.sum(dim=1, keepdim=True) + 0.5 * torch.randn(count, 1)


def loss_of(batch):
    x, y = batch
    return torch.nn.functional.mse_loss(model(x), y)


probe = dvar.DeterministicProbe(loss_of, {"batch": draw_batch}, model=model)
rule = dvar.AnyOf(dvar.VarianceRatio(window=310, threshold=0.15), dvar.StepLimit(5000), dvar.NonFinite())

for step in itertools.count(1):
    optimizer.zero_grad()
    loss_of(draw_batch(count=4)).backward()
    optimizer.step()
    if verdict := rule.observe(probe(), step):
        break

print(f"stopped at step {step} by {verdict.rule}: {rule.reason()}")
print(f"loss on the fixed batch: {probe():.3f} (0.25 of it is noise)")

# A checkpoint: the state of the rule and of the probe beside that of the model.
torch.save({"model": model.state_dict(), "rule": rule.state_dict(), "probe": probe.state_dict()}, "checkpoint.pt")
saved = torch.load("checkpoint.pt", weights_only=True)
resumed = dvar.AnyOf(dvar.VarianceRatio(window=310, threshold=0.15), dvar.StepLimit(5000), dvar.NonFinite())
resumed.load_state_dict(saved["rule"])
assert resumed.latest() == verdict
