"""A complex mask takes away an echo whose phase is off, where a mask of magnitudes of as many weights has to leave it.

One voice is heard together with the echo of another one, which the network knows (what the loudspeaker plays), and noise. The
echo is that other voice with all its phases turned by one angle, as loud as the first voice, give or take 3 dB; the noise is
10 dB below. The angle is drawn for each seed, and the same for all its sounds, as that of one device. Both networks are three
densely connected multi-dilated layers and give two masks, one after another: `complex_masks` around `complex_dense` on both
spectra, turned so that the mixture's phase is 0; and the same of real convolutions, with more channels for equally many
weights, on both magnitudes, whose masks scale the mixture from 0 to 2. Trained to SI-SDR, tested on other voices.

Target: the complex one at least 1 dB better in SI-SDR.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from sounds import si_sdr, sounding, spectrum, voices
from torch import Tensor, nn

from nasmyth import Graph, chain
from nasmyth.blocks import complex_dense, complex_masks
from nasmyth.graph import cell
from nasmyth.network import build
from nasmyth.ops import Activation, Add, Concat, Conv, GroupNorm
from operators_of import spread

STEPS, BATCH, RATE = 150, 8, 1e-2
MAP = (33, 33)


def scene(batch: int, angle: float, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """What the microphone hears, what the loudspeaker plays, and the voice that is wanted."""
    near, far = voices(batch, random), voices(batch, random)
    turn = torch.polar(torch.tensor(1.0), torch.tensor(angle))
    echo = torch.fft.irfft(torch.fft.rfft(far) * turn, far.shape[1])
    loud = 10 ** ((torch.rand(batch, 1, generator=random) - 0.5) * 0.3)
    return near + loud * echo + 0.316 * torch.randn(near.shape, generator=random), far, near


class ByComplexMasks(nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        template = complex_masks(complex_dense(4, layers=3))
        self.masked = build(Graph.of(template, (4, *MAP)), seed=seed)

    def forward(self, mixture: Tensor, far: Tensor) -> Tensor:
        turned = torch.sgn(mixture)
        pairs = torch.stack((mixture, far), 1) * turned.conj()[:, None]
        found = self.masked(torch.view_as_real(pairs).permute(0, 1, 4, 2, 3).flatten(1, 2))
        return torch.view_as_complex(found.permute(0, 2, 3, 1).contiguous()) * turned


class ByMagnitudeMasks(nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        after = chain(GroupNorm(1), Activation("leaky_relu"))
        dense: Any = cell(
            3,
            lambda source, target: Conv(6, 3, dilation=2**source),
            vertex=after,
            join=Add(),
            output=(0, 1, 2, 3),
            out=Concat(),
        )
        self.masks = build(Graph.of(chain(dense, Conv(2, 1, bias=True)), (2, *MAP)), seed=seed)

    def forward(self, mixture: Tensor, far: Tensor) -> Tensor:
        masks = 2 * torch.sigmoid(self.masks(torch.stack((mixture, far), 1).abs()))
        return mixture * masks.prod(1)


def trained(model: nn.Module, angle: float, seed: int) -> tuple[float, float]:
    """SI-SDR of what it gives, and of what it is given, in dB on 64 other scenes."""
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS)
    for _ in range(STEPS):
        heard, far, near = scene(BATCH, angle, random)
        loss = -si_sdr(sounding(model(spectrum(heard), spectrum(far))), near).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    heard, far, near = scene(64, angle, torch.Generator().manual_seed(1000 + seed))
    with torch.no_grad():
        found = si_sdr(sounding(model.eval()(spectrum(heard), spectrum(far))), near).mean()
    return float(found), float(si_sdr(heard, near).mean())


def table(seeds: range) -> Iterator[str]:
    reached: dict[str, list[float]] = {"nothing done": []}
    for seed in seeds:
        angle = 2 * math.pi * float(torch.rand(1, generator=torch.Generator().manual_seed(100 + seed)))
        for make in (ByComplexMasks, ByMagnitudeMasks):
            model = make(seed)
            name = f"{make.__name__} ({sum(p.numel() for p in model.parameters())} weights)"
            found, given = trained(model, angle, seed)
            reached.setdefault(name, []).append(found)
        reached["nothing done"].append(given)
    yield f"SI-SDR in dB, {len(seeds)} seeds, {STEPS} steps of {BATCH} scenes"
    for name, found in reached.items():
        yield f"{name:<36}{spread(found, 2):>16}"
    _, by_complex, by_magnitude = reached.values()
    gains = [a - b for a, b in zip(by_complex, by_magnitude, strict=True)]
    yield f"{'complex over magnitude (target 1)':<36}{spread(gains, 2):>16}"
