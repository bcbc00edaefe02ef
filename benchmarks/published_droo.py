"""A frame of DROO as its authors' PyTorch version computes it: the yardstick of `test_frames.py`.

Written after memoryPyTorch.py, optimization.py and main.py, to be timed: one network, one frame at
a time, order-preserving quantisation, a bisection a mode, a new Adam at each training step.
"""

import numpy as np
import torch
from scipy.special import lambertw
from torch import nn

STEP = 0.005  # bit/s, where the bisection stops
MEMORY, BATCH, EVERY, WINDOW = 1024, 128, 10, 32


def rate(h, mode, weight):
    """The rate of one mode by bisection over the price of time, one Lambert W a user a step.

    v in [0, 1e9], numbers of the preset `paper`.
    """
    local, remote = np.flatnonzero(mode == 0), np.flatnonzero(mode == 1)
    share, noise = 0.7 * 3, 1e-10
    worth = weight[local] * (share * h[local] / 1e-26) ** (1 / 3) / 100
    most = 2e6 / (1.1 * np.log(2))
    low, high = 0.0, 1e9
    while high - low > STEP:
        v, slots, gain = (low + high) / 2, 0.0, 0.0
        for j in remote:
            q = -lambertw(-np.exp(-1 - v / (weight[j] * most))).real
            slots += share * h[j] ** 2 / noise / (1 / q - 1)
            gain += weight[j] * most * share * h[j] ** 2 / noise * q
        a = 1 / (1 + slots)
        above = worth.sum() * a ** (-2 / 3) / 3 + gain - v > 0
        low, high = (v, high) if above else (low, v)
    sent = 0.0
    for j in remote:
        q = -lambertw(-np.exp(-1 - v / (weight[j] * most))).real
        z = 1 / q - 1
        sent += weight[j] * most * share * h[j] ** 2 / noise * a / z * np.log1p(z)
    return worth.sum() * a ** (1 / 3) + sent


class Published:
    """The network, its memory and K; `frame` is what one frame takes."""

    def __init__(self, n, weight):
        self.n, self.weight, self.k, self.count = n, weight, n, 0
        layers = nn.Linear(n, 120), nn.ReLU(), nn.Linear(120, 80), nn.ReLU(), nn.Linear(80, n)
        self.model = nn.Sequential(*layers, nn.Sigmoid())
        self.memory, self.best = np.zeros((MEMORY, 2 * n)), []
        self.rng = np.random.default_rng(0)

    def frame(self, gain):
        """The rate of the best of K modes of channel gains (n,); remembers it, learns."""
        if self.best and len(self.best) % WINDOW == 0:
            self.k = min(max(self.best[-WINDOW:-1]) + 2, self.n)
        seen = gain * 1e6
        modes = self.modes(seen)
        rates = [rate(gain, mode, self.weight) for mode in modes]
        self.best.append(int(np.argmax(rates)))
        self.memory[self.count % MEMORY] = np.hstack((seen, modes[self.best[-1]]))
        self.count += 1
        if self.count % EVERY == 0:
            self.learn()
        return max(rates)

    def modes(self, seen):
        """K modes: the relaxed decision at thresholds, of the entries nearest to 0.5."""
        self.model.eval()
        said = self.model(torch.Tensor(seen[None])).detach().numpy()[0]
        found = [1 * (said > 0.5)]
        for j in np.argsort(np.abs(said - 0.5))[: self.k - 1]:
            found.append(1 * (said > said[j] if said[j] > 0.5 else said >= said[j]))
        return found

    def learn(self):
        """One step on 128 frames of the memory."""
        rows = self.memory[self.rng.choice(min(self.count, MEMORY), size=BATCH)]
        seen, wanted = torch.Tensor(rows[:, : self.n]), torch.Tensor(rows[:, self.n :])
        adam = torch.optim.Adam(
            self.model.parameters(), lr=0.01, betas=(0.09, 0.999), weight_decay=0.0001
        )
        self.model.train()
        adam.zero_grad()
        loss = nn.BCELoss()(self.model(seen), wanted)
        loss.backward()
        adam.step()
        loss.item()
