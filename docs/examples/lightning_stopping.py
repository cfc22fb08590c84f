"""A Lightning trainer that stops when its model has converged."""

import dvar
import pytorch_lightning as pl
import torch
from dvar.lightning import ConvergenceStopping


def draw_points(count):
    x = torch.randn(count, 3)
    return x, x.sum(dim=1, keepdim=True) + 0.5 * torch.randn(count, 1)


class Model(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(3, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))

    def loss(self, batch):
        x, y = (tensor.to(self.device) for tensor in batch)
        return torch.nn.functional.mse_loss(self.net(x), y)

    def training_step(self, batch, batch_idx):
        return self.loss(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.02)


pl.seed_everything(1)
model = Model()
probe = dvar.DeterministicProbe(model.loss, {"batch": lambda: draw_points(64)}, model=model)
stopping = ConvergenceStopping(probe, dvar.AnyOf(dvar.VarianceRatio(), dvar.StepLimit(5000)))
trainer = pl.Trainer(
    max_epochs=-1, callbacks=[stopping], accelerator="cpu", logger=False, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False,
)
trainer.fit(model, torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*draw_points(4000)), batch_size=4, shuffle=True))

print(f"stopped at step {trainer.global_step} by {stopping.rule.latest().rule}: {stopping.rule.reason()}")
