"""A split-dense block denoises what four microphones hear as a dense block of the same width does, for a third of the work.

A voice reaches four microphones in a row one after another, up to two samples apart, from a direction that the network is not
told; each adds noise of its own, as loud as the voice. A network of a convolution to 24 channels, the block, which gives 6 and
is brought back to 24 beside a shortcut, and a convolution to one spectrum is to tell what to add to that of the first
microphone; parts of spectra are channels. The dense block has as many layers of equal width, each of which reads the input and
all layers before it. Trained to SI-SDR, tested on other voices.

Targets: at most half of the multiply-accumulates in the block, and SI-SDR within 0.3 dB.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from sounds import WINDOW, si_sdr, sounding, spectrum, voices
from torch import Tensor

from nasmyth import Graph, chain, parallel, residual
from nasmyth.blocks import conv_block, split_dense
from nasmyth.graph import cell
from nasmyth.measure import macs
from nasmyth.network import build
from nasmyth.ops import ChannelSlice, Concat, Conv, GroupNorm, Identity
from operators_of import spread

STEPS, BATCH, RATE = 200, 8, 1e-2
MICROPHONES, GROUPS, WIDTH = 4, 4, 6
MAP = (33, 33)
LAYER = conv_block(WIDTH, norm=GroupNorm(1), activation="leaky_relu")
BLOCKS = {"dense": cell(GROUPS, Identity(), vertex=LAYER, join=Concat()), "split-dense": split_dense(GROUPS)}


def scene(batch: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """What each microphone hears, and the voice at the first of them."""
    voice = voices(batch, random)
    delays = torch.randint(-2, 3, (batch, 1), generator=random) * torch.arange(MICROPHONES)
    places = (torch.arange(voice.shape[1]) - delays[:, :, None]) % voice.shape[1]
    clean = voice[:, None].expand(-1, MICROPHONES, -1).gather(2, places)
    return clean + torch.randn(clean.shape, generator=random), voice


def denoised(network: Any, heard: Tensor) -> Tensor:
    parts = torch.view_as_real(spectrum(heard)).permute(0, 1, 4, 2, 3).flatten(1, 2) / WINDOW**0.5
    return sounding(torch.view_as_complex(network(parts).permute(0, 2, 3, 1).contiguous()))


def quality(block: Any, seed: int) -> float:
    """SI-SDR in dB on 64 other voices."""
    wide = GROUPS * WIDTH
    layer = residual(block, Conv(wide, 1))
    change = chain(widen=conv_block(wide, norm=GroupNorm(1)), layer=layer, narrow=Conv(2, 3, bias=True))
    template = parallel(first=ChannelSlice(2), change=change)
    network = build(Graph.of(template, (2 * MICROPHONES, *MAP)), seed=seed)
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS)
    for _ in range(STEPS):
        heard, voice = scene(BATCH, random)
        loss = -si_sdr(denoised(network, heard), voice).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    heard, voice = scene(64, torch.Generator().manual_seed(1000 + seed))
    with torch.no_grad():
        return float(si_sdr(denoised(network.eval(), heard), voice).mean())


def table(seeds: range) -> Iterator[str]:
    work = {name: macs(Graph.of(block, (GROUPS * WIDTH, *MAP))) for name, block in BLOCKS.items()}
    reached = {name: [quality(block, seed) for seed in seeds] for name, block in BLOCKS.items()}
    yield f"{len(seeds)} seeds, {STEPS} steps of {BATCH} voices; one microphone alone is at 0 dB"
    yield f"{'block':<12}{'MACs':>12}{'SI-SDR in dB':>18}"
    for name in BLOCKS:
        yield f"{name:<12}{work[name]:>12,.0f}{spread(reached[name], 2):>18}"
    lost = [dense - split for dense, split in zip(reached["dense"], reached["split-dense"], strict=True)]
    share = work["split-dense"] / work["dense"]
    yield f"split-dense takes {share:.2f} of the MACs (target 0.5) and loses {spread(lost, 2)} dB (target 0.3)"
