"""The learning rates of all schedules against diffusers' get_scheduler."""

import pytest
import torch
from diffusers.optimization import get_scheduler

from peers import run

RATE = 5e-3
TOTAL = 60
UPDATES = 70  # also beyond the end


def peer(shape, warmup, restarts, power):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)
    scheduler = get_scheduler(shape, optimizer, num_warmup_steps=warmup, num_training_steps=TOTAL, num_cycles=restarts,
                              power=power)  # fmt: skip
    rates = []
    for _ in range(UPDATES):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return torch.tensor(rates, dtype=torch.float64)


@pytest.mark.parametrize("warmup", [0, 7])
@pytest.mark.parametrize(
    "shape, restarts, power",
    [
        ("constant", 1, 1.0),
        ("constant_with_warmup", 1, 1.0),
        ("linear", 1, 1.0),
        ("cosine", 1, 1.0),
        ("cosine_with_restarts", 1, 1.0),
        ("cosine_with_restarts", 3, 1.0),
        ("polynomial", 1, 1.0),
        ("polynomial", 1, 2.5),
    ],
)
def test_rates_of_every_update(tmp_path, shape, warmup, restarts, power):
    ours = run(
        "learning_rate",
        "none",
        {
            "shape": torch.tensor(list(shape.encode()), dtype=torch.uint8),
            "learning_rate": RATE,
            "warmup_steps": warmup,
            "total_steps": TOTAL,
            "restarts": restarts,
            "power": power,
            "updates": UPDATES,
        },
        tmp_path,
    )["rates"]
    expected = peer(shape, warmup, restarts, power)
    if shape.startswith("constant"):
        assert expected.max() == expected[-1] == RATE
    else:
        assert expected.max() > expected[-1], "the schedule falls"
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-18)
