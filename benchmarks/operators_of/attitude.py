"""The attitude of a moving sensor from its accelerometer and gyroscope, at mixed rates: a network beside a tuned filter.

After "Generalizable End-to-End Deep Learning Frameworks for Real-Time Attitude Estimation Using 6DoF Inertial Measurement
Units" (Golroudbari and Sabour 2023), on simulated motion: windows of 32 samples at 50, 100 or 200 Hz, of a sensor that starts
with heading 0 at a random tilt of up to 60 degrees, turns by two sinusoids around each axis and is shaken by two along each;
its gyroscope has a bias and noise, its accelerometer noise. What is wanted is the attitude at the end of the window. The
network (two convolutions along time, a bidirectional LSTM, `rotation_head`, the rate as an input) is trained by the
rotation-angle loss (`Rotations`) in 3,000 steps of 128 of 16,000 windows. The baseline is a complementary filter: tilt by the
mean of the first samples of the accelerometer, then turned by the gyroscope and drawn towards the accelerometer's tilt; the
gain and the number of samples are the best of a grid on 2,000 windows of training motion. Both are scored on 2,000 windows
of motion whose frequencies and strengths lie outside of training's, by the mean angle in degrees.

Target: less than the filter on unseen motion.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from nasmyth import Graph, build, chain
from nasmyth.blocks import rotation_head
from nasmyth.forms import Rotations
from nasmyth.ops import LSTM, Activation, Mean, SequenceConv
from operators_of import spread

STEPS, BATCH, LENGTH, GRAVITY = 3000, 128, 32, 9.81
SEEN, UNSEEN = ((0.3, 2.0), (0.5, 1.0)), ((2.0, 3.0), (1.0, 1.3))
"""Frequencies in Hz, and strengths as shares of 2 rad/s and of 3 m/s2, of motion: in training, and in the test."""
NETWORK = chain(
    SequenceConv(32, kernel=5), Activation("relu"), SequenceConv(32, kernel=5), Activation("relu"),
    LSTM(64, bidirectional=True), Mean("l"), rotation_head(),
)  # fmt: skip


def table(seeds: range) -> Iterator[str]:
    yield f"{'mean angle, degrees':<24}{'motion as in training':>26}{'unseen motion':>20}"
    network, filtered = [], []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        seen, unseen = (_windows(2000, *motion, generator) for motion in (SEEN, UNSEEN))
        network.append(_network(seed, generator, seen, unseen))
        filtered.append(_tuned_filter(_windows(2000, *SEEN, generator), seen, unseen))
    for name, rows in (("network", network), ("complementary filter", filtered)):
        columns = [spread(list(column), 2) for column in zip(*rows, strict=True)]
        yield f"{name:<24}{columns[0]:>26}{columns[1]:>20}"


Windows = tuple[Tensor, Tensor, Tensor, Tensor]
"""Gyroscope and accelerometer, N l 3; seconds between samples, N; attitude at the end, N 4."""


def _network(seed: int, generator: torch.Generator, seen: Windows, unseen: Windows) -> list[float]:
    outputs = Rotations()
    network = build(Graph.of(NETWORK, input=(LENGTH, 7)), seed=seed, outputs=outputs)
    optimizer = torch.optim.Adam(network.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, STEPS)
    train = _windows(16_000, *SEEN, generator)
    x, y = _features(train), train[3]
    for _ in range(STEPS):
        rows = torch.randint(len(x), (BATCH,), generator=generator)
        loss = outputs.loss(network(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return [math.degrees(float(outputs.loss(network(_features(one)), one[3]))) for one in (seen, unseen)]


def _features(windows: Windows) -> Tensor:
    """Turns from sample to sample, accelerations, and the rate."""
    gyroscope, accelerometer, seconds, _ = windows
    rate = (0.01 / seconds).log()[:, None, None].expand(-1, LENGTH, 1)
    return torch.cat((30 * gyroscope * seconds[:, None, None], accelerometer / GRAVITY, rate), 2)


def _tuned_filter(tuning: Windows, seen: Windows, unseen: Windows) -> list[float]:
    grid = itertools.product((0.0, 0.2, 0.5, 1.0, 2.0, 5.0), (1, 2, 4, 8, 16, 32))
    gain, first = min(grid, key=lambda setting: _filter(tuning, *setting))
    return [_filter(one, gain, first) for one in (seen, unseen)]


def _filter(windows: Windows, gain: float, first: int) -> float:
    """The mean angle, in degrees, of what a complementary filter says."""
    gyroscope, accelerometer, seconds, attitude = windows
    up = torch.tensor([0.0, 0.0, 1.0]).expand(len(seconds), 3)
    start = accelerometer[:, :first].mean(1)
    found = _between(start / start.norm(dim=1, keepdim=True), up)
    for turn, pull in zip(gyroscope.unbind(1), accelerometer.unbind(1), strict=True):
        felt = torch.linalg.cross(pull / pull.norm(dim=1, keepdim=True), _rotated(_inverse(found), up))
        found = _times(found, _turn((turn + gain * felt) * seconds[:, None]))
    return math.degrees(float(Rotations().loss(found, attitude)))


# --- simulation ---------------------------------------------------------------------------------------------------


def _windows(
    count: int, frequencies: tuple[float, float], strengths: tuple[float, float], generator: torch.Generator
) -> Windows:
    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=generator)

    def noise(size: float, *shape: int) -> Tensor:
        return size * torch.randn(shape, generator=generator)

    seconds = 1 / torch.tensor([50.0, 100.0, 200.0])[torch.randint(3, (count,), generator=generator)]
    time = (torch.arange(LENGTH) * seconds[:, None])[:, :, None, None]

    def motion(strength: float) -> Tensor:
        """Two sinusoids along each axis, N l 3."""
        size = uniform(*strengths, count, 1, 3, 2) * noise(strength / 2**0.5, count, 1, 3, 2)
        angle = 2 * math.pi * uniform(*frequencies, count, 1, 3, 2) * time
        return (size * (angle + uniform(0, 2 * math.pi, count, 1, 3, 2)).sin()).sum(3)

    turns, shaking = motion(2.0), motion(3.0)
    tilt = uniform(0, math.pi / 3, count, 1) * torch.nn.functional.normalize(
        torch.cat((noise(1, count, 2), torch.zeros(count, 1)), 1), dim=1
    )
    attitude, felt = _turn(tilt), []
    gravity = torch.tensor([0.0, 0.0, GRAVITY])
    for turn, shake in zip(turns.unbind(1), shaking.unbind(1), strict=True):
        felt.append(_rotated(_inverse(attitude), gravity + shake))
        attitude = _times(attitude, _turn(turn * seconds[:, None]))
    gyroscope = turns + noise(0.05, count, 1, 3) + noise(0.03, count, LENGTH, 3)
    return gyroscope, torch.stack(felt, 1) + noise(0.2, count, LENGTH, 3), seconds, attitude


def _times(p: Tensor, q: Tensor) -> Tensor:
    (a, v), (b, w) = (p[:, :1], p[:, 1:]), (q[:, :1], q[:, 1:])
    return torch.cat((a * b - (v * w).sum(1, keepdim=True), a * w + b * v + torch.linalg.cross(v, w)), 1)


def _inverse(q: Tensor) -> Tensor:
    return q * torch.tensor([1.0, -1.0, -1.0, -1.0])


def _turn(vector: Tensor) -> Tensor:
    """The quaternion of a turn around a vector by its length."""
    half = vector / 2
    length = half.norm(dim=1, keepdim=True)
    return torch.cat((length.cos(), half * torch.sinc(length / math.pi)), 1)


def _rotated(q: Tensor, vector: Tensor) -> Tensor:
    return _times(_times(q, torch.cat((torch.zeros_like(vector[:, :1]), vector), 1)), _inverse(q))[:, 1:]


def _between(a: Tensor, b: Tensor) -> Tensor:
    """The shortest rotation that brings a to b."""
    q = torch.cat((1 + (a * b).sum(1, keepdim=True), torch.linalg.cross(a, b)), 1)
    return q / q.norm(dim=1, keepdim=True)
