"""Does one generator hold a degenerate ground space? The strategy `vgon` in its continuous form, on a spin chain, exactly.

    python benchmarks/vgon.py [--seeds 3] > benchmarks/vgon.txt

The Majumdar-Ghosh chain of 8 spins in a ring, H = sum_i S_i S_{i+1} + S_i S_{i+2} / 2, has the energy -3 in its ground states,
which are spanned by two coverings with dimers (Majumdar and Ghosh 1969). A circuit of two-qubit blocks (turns of each qubit,
then exp(-i (a XX + b YY + c ZZ))), on even and odd bonds in turn, makes a state of 112 angles. Compared:

    generator   a network maps 8 normal numbers to the angles; trained by Adam on the mean energy of a batch, plus the mean
                overlap of its states, less and less (VGON, arXiv:2404.18041: the divergence keeps its latent normal, and where
                several states are wanted, alike ones are penalised; here the noise is drawn normal: there is no divergence)
    no penalty  the same without the overlap
    one start   Adam on one vector of angles, for at most as many states: it stops where its energy does. It returns one state
    starts      Adam on as many vectors as a batch has, side by side

Printed: the share of 256 samples (of all starts) within 1 % of the exact energy, and of these the dimensions of the ground
space that they span: singular values above 1 % of the largest, after projection on it. Of every seed, and their means.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import torch

SPINS, LAYERS, BATCH, STEPS, LATENT, SAMPLES = 8, 2, 16, 2000, 8, 256
ANGLES = LAYERS * SPINS * 7
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def hamiltonian() -> Any:
    """2^8 by 2^8."""

    def product(at: dict[int, Any]) -> Any:
        return reduce(np.kron, [at.get(i, np.eye(2)) for i in range(SPINS)])

    total = np.zeros((2**SPINS, 2**SPINS), dtype=complex)
    for i in range(SPINS):
        for apart, weight in ((1, 1.0), (2, 0.5)):
            total += sum(weight / 4 * product({i: s, (i + apart) % SPINS: s}) for s in PAULI)
    return total


def turned(angles: Any) -> Any:
    """RZ(b) RY(a) for angles ... 2: ... 2 2."""
    a, b = angles[..., 0] / 2, angles[..., 1] / 2
    phase = torch.exp(-1j * b)
    top = torch.stack((torch.cos(a) * phase, -torch.sin(a) * phase), -1)
    low = torch.stack((torch.sin(a) * phase.conj(), torch.cos(a) * phase.conj()), -1)
    return torch.stack((top, low), -2)


PAIRS = torch.tensor(np.array([np.kron(s, s) for s in PAULI]))
BELL = torch.tensor([[1, 0, 0, 1], [1, 0, 0, -1], [0, 1, 1, 0], [0, 1, -1, 0]], dtype=torch.complex128).T / 2**0.5
LEVELS = torch.stack([(BELL.conj().T @ pair @ BELL).diagonal().real for pair in PAIRS])
"""Of XX, YY and ZZ in the Bell basis: all three are diagonal there."""


def states(angles: Any) -> Any:
    """The states of N ANGLES: N 256."""
    count = len(angles)
    psi = torch.zeros(count, 2**SPINS, dtype=torch.complex128)
    psi[:, 0b01010101] = 1.0
    blocks = angles.reshape(count, LAYERS, 2, SPINS // 2, 7)
    for layer in range(LAYERS):
        for odd in range(2):
            each = blocks[:, layer, odd]
            local = torch.einsum("npij,npkl->npikjl", turned(each[..., 0:2]), turned(each[..., 2:4]))
            local = local.reshape(count, SPINS // 2, 4, 4)
            phases = torch.exp(-1j * (each[..., 4:7] @ LEVELS))
            gates = (BELL * phases[..., None, :]) @ BELL.conj().T @ local
            for pair in range(SPINS // 2):
                shaped = psi.reshape(count, 4**pair, 4, -1)
                psi = torch.einsum("nij,najb->naib", gates[:, pair], shaped).reshape(count, -1)
            spins = psi.reshape(count, *[2] * SPINS)  # one spin further round the ring: the next bonds
            psi = spins.permute(0, *range(2, SPINS + 1), 1).reshape(count, -1)
    return psi


def energies(psi: Any, total: Any) -> Any:
    return torch.einsum("ni,ij,nj->n", psi.conj(), total, psi).real


def adam(parameters: list[Any], made: Callable[[], Any], total: Any, steps: int, overlap: float, rate: float) -> None:
    """The overlap counts less and less, and not at all in the last third: it would keep states from the ground space."""
    optimizer = torch.optim.Adam(parameters, lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    before = 0.0
    for step in range(steps):
        psi = states(made())
        loss = energies(psi, total).mean()
        if step % 200 == 199:
            if not overlap and abs(before - loss.item()) < 1e-6:
                break
            before = loss.item()
        if overlap:
            alike = (psi.conj() @ psi.T).abs() ** 2
            loss = loss + overlap * max(0.0, 1 - 1.5 * step / steps) * (alike.sum() - len(psi)) / (
                len(psi) * (len(psi) - 1)
            )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def generator(total: Any, overlap: float) -> Any:
    network = torch.nn.Sequential(torch.nn.Linear(LATENT, 64), torch.nn.Tanh(), torch.nn.Linear(64, ANGLES)).double()
    with torch.no_grad():
        network[0].weight.mul_(0.5)
    adam([*network.parameters()], lambda: network(torch.randn(BATCH, LATENT).double()), total, STEPS, overlap, 0.005)
    with torch.no_grad():
        return states(network(torch.randn(SAMPLES, LATENT).double()))


def starts(total: Any, count: int, steps: int) -> Any:
    angles = torch.randn(count, ANGLES, dtype=torch.float64, requires_grad=True)
    adam([angles], lambda: angles, total, steps, 0.0, 0.02)
    return states(angles.detach())


def judged(psi: Any, total: Any, exact: float, ground: Any) -> tuple[float, float]:
    """The share within 1 % of the exact energy, and the dimensions of the ground space that these span."""
    near = (energies(psi, total) <= exact + 0.01 * abs(exact)).numpy()
    if not near.any():
        return 0.0, 0.0
    sizes = np.linalg.svd(psi.numpy()[near] @ ground.conj(), compute_uv=False)
    return float(near.mean()), float((sizes > 0.01 * sizes[0]).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    matrix = hamiltonian()
    values, vectors = np.linalg.eigh(matrix)
    ground = vectors[:, values < values[0] + 1e-9]
    print(
        f"exact energy {values[0]:.6f}, {ground.shape[1]} ground states; {STEPS * BATCH:,} states each; {given.seeds} seeds"
    )
    total = torch.tensor(matrix)
    ways: dict[str, Callable[[], Any]] = {
        "generator": lambda: generator(total, 0.5),
        "no penalty": lambda: generator(total, 0.0),
        "one start": lambda: starts(total, 1, STEPS * BATCH),
        "starts": lambda: starts(total, BATCH, STEPS),
    }
    print(f"{'':12}{'within 1 %':>18}{'dimensions spanned':>22}   of each seed")
    for name, way in ways.items():
        found = []
        for seed in range(given.seeds):
            torch.manual_seed(seed)
            found.append(judged(way(), total, float(values[0]), ground))
        share, spanned = (statistics.fmean(one[i] for one in found) for i in range(2))
        each = " ".join(f"{one[0]:.2f}/{one[1]:.0f}" for one in found)
        print(f"{name:12}{share:18.2f}{spanned:22.1f}   {each}", flush=True)


if __name__ == "__main__":
    main()
