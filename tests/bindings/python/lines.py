"""A line through noisy points, which the tests of the callbacks learn."""

import dvar
import torch


def draw_points(count):
    x = torch.randn(count, 3)
    return x, x.sum(dim=1, keepdim=True) + 0.5 * torch.randn(count, 1)


def new_net():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.Tanh(), torch.nn.Dropout(0.1), torch.nn.Linear(16, 1))


def dataset(count=80):
    torch.manual_seed(5)
    return torch.utils.data.TensorDataset(*draw_points(count))


def mean_squared_error(net, batch):
    return torch.nn.functional.mse_loss(net(batch[0]), batch[1])


class RecordingProbe:
    """A deterministic probe that remembers its values, and the weights at each."""

    def __init__(self, net):
        self.net, self.values, self.weights = net, [], []
        self._probe = dvar.DeterministicProbe(
            lambda batch: mean_squared_error(net, batch), {"batch": lambda: draw_points(64)}, model=net
        )
        self.state_dict, self.load_state_dict = self._probe.state_dict, self._probe.load_state_dict

    def __call__(self):
        self.values.append(self._probe())
        self.weights.append([p.detach().clone() for p in self.net.parameters()])
        return self.values[-1]

    def best(self):
        """The weights at the least value."""
        return self.weights[self.values.index(min(self.values))]


def equal(net, weights):
    return all(torch.equal(a, b) for a, b in zip(net.parameters(), weights))


def falling(rank, count=[0]):
    """Falls and flattens, earlier on one rank than on the other."""
    count[0] += 1
    return 2.0 ** (-count[0] / (1 + 3 * rank))
