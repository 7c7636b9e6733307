"""Made-up voices, spectra and SI-SDR, for the experiments on sound."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SAMPLES, WINDOW, HOP = 1024, 64, 32


def voices(batch: int, random: torch.Generator) -> Tensor:
    """`batch` sounds of unit variance: four harmonics of a pitch that glides, each as loud as it likes, coming and going."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(batch, *shape, generator=random) * (high - low) + low

    time = torch.arange(SAMPLES) / SAMPLES
    pitch = uniform(20, 60, 1) * (1 + uniform(-0.2, 0.2, 1) * time)
    phase = 2 * math.pi * pitch.cumsum(1) / SAMPLES
    harmonics = torch.arange(1, 5)[None, :, None]
    tones = (uniform(0.2, 1, 4, 1) * torch.sin(harmonics * phase[:, None] + uniform(0, 6.28, 4, 1))).sum(1)
    loud = 0.6 + 0.5 * torch.sin(2 * math.pi * (uniform(1, 4, 1) * time + uniform(0, 1, 1)))
    sound = tones * loud
    return sound / sound.std(1, keepdim=True)


def spectrum(sound: Tensor) -> Tensor:
    """Complex numbers, by frequency and frame, of sounds along the last axis."""
    flat = sound.reshape(-1, sound.shape[-1])
    found = torch.stft(flat, WINDOW, HOP, window=torch.hann_window(WINDOW), return_complex=True)
    return found.reshape(*sound.shape[:-1], *found.shape[1:])


def sounding(found: Tensor) -> Tensor:
    """The sound of a spectrum."""
    return torch.istft(found, WINDOW, HOP, window=torch.hann_window(WINDOW), length=SAMPLES)


def si_sdr(estimate: Tensor, target: Tensor) -> Tensor:
    """The scale-invariant ratio of signal to distortion in dB, of each example (Le Roux 2019, arXiv:1811.02508)."""
    part = target * (estimate * target).sum(1, keepdim=True) / target.square().sum(1, keepdim=True)
    return 10 * torch.log10(part.square().sum(1) / (estimate - part).square().sum(1).clamp(min=1e-8))
