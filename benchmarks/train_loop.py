"""Examples/s of `nasmyth.train.fit` against a bare PyTorch loop over the same tensors.

    python benchmarks/train_loop.py [--pairs 7] [--steps 60] [--compile] [--data images|several]

Two rows: a 70k-parameter convolutional network on 28x28 uint8 images; and, with two inputs and a mask, a 70k-parameter
network with an attention layer on texts of up to 32 codes beside rows of 8 numbers. Batches of 128. Each measurement is a
process of its own, since what one loop does to the memory allocator must not help the other; the two alternate, so that
what else runs on the machine meets both alike. The first ten steps are warm-up. Printed: the median over steps of each
process, the median over processes, and the ratio with its 95 % confidence interval (t, over pairs, of the logarithm).

Then the same training is left within an epoch, written, read in another process and gone on with: how many of its weights
differ from those of a training that never stopped, and what its state takes, in time and bytes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

WARM = 10
BATCH = 128


def network():
    """Five 3x3 convolutions, 72,466 parameters."""
    from torch import nn

    def block(c, out, stride=1):
        return nn.Conv2d(c, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU()

    body = [*block(1, 24), *block(24, 32, 2), *block(32, 48), *block(48, 64, 2), *block(64, 40)]
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(40, 10))


def data(count=60_000):
    """Random images: N H W C uint8, and labels."""
    import torch

    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (count, 28, 28, 1), dtype=torch.uint8, generator=generator)
    return x, torch.randint(0, 10, (count,), generator=generator)


def several_network():
    """An embedding, one attention layer and a mean that heed the mask, and a row beside them, 69,938 parameters."""
    import torch
    from torch import nn

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(700, 64)
            self.attention = nn.MultiheadAttention(64, 4, batch_first=True)
            self.norm = nn.LayerNorm(64)
            self.row = nn.Linear(8, 64)
            self.hidden = nn.Linear(128, 56)
            self.head = nn.Linear(56, 10)

        def forward(self, tokens, mask, row):
            x = self.embed(tokens)
            x = self.norm(x + self.attention(x, x, x, key_padding_mask=~mask, need_weights=False)[0])
            there = mask.unsqueeze(2).to(x.dtype)
            x = (x * there).sum(1) / there.sum(1)
            return self.head(self.hidden(torch.cat((x, self.row(row).relu()), 1)).relu())

    return Both()


def several_data(count=60_000):
    """Random codes of different length, N L, 0 where there is none; rows of numbers, N F; and labels."""
    import torch

    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(8, 33, (count, 1), generator=generator)
    codes = torch.randint(1, 700, (count, 32), generator=generator)
    codes = torch.where(torch.arange(32) < lengths, codes, 0)
    row = 5 + 3 * torch.randn(count, 8, generator=generator)
    return codes, row, torch.randint(0, 10, (count,), generator=generator)


def at_hand(kind: str):
    """A network, a function from places to what it is called with, and labels, as whoever writes a loop has them."""
    if kind == "images":
        x, y = data()
        x = x.permute(0, 3, 1, 2).float().div_(255).sub_(0.5).div_(0.29)
        return network(), lambda rows: (x[rows],), y
    codes, row, y = several_data()
    row = (row - 5) / 3

    def batch(rows):
        tokens = codes[rows]
        return tokens, tokens != 0, row[rows]

    return several_network(), batch, y


def bare(steps: int, compiled: bool, kind: str) -> list[float]:
    """Seconds of each step of the loop that anyone would write first. Numbers are at hand as prepared floats."""
    import torch
    import torch.nn.functional as F

    del compiled
    net, batch, y = at_hand(kind)
    net = net.train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
    order = torch.randperm(len(y))
    stamps = []
    for rows in order.split(BATCH)[: steps + WARM + 1]:
        stamps.append(time.perf_counter())
        loss = F.cross_entropy(net(*batch(rows)), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return stamps


def as_task(kind: str):
    """A network, and the same data as a task."""
    from nasmyth.forms import Classes, NamedInputs, TokenInput
    from nasmyth.forms.fitting import fit_image_input, fit_table_input
    from nasmyth.train import Split, Task

    if kind == "images":
        net, (x, y) = network(), data()
        inputs = fit_image_input(x)
    else:
        net, (codes, row, y) = several_network(), several_data()
        columns = {f"x{i}": row[:, i].numpy() for i in range(8)}
        inputs = NamedInputs((("tokens", TokenInput(32, 700, padded=True)), ("row", fit_table_input(columns))))
        x = inputs.encode({"tokens": codes, "row": columns})
    whole = Split(x, y)
    few = whole.take(y[:0].new_tensor(range(16)))
    return net, Task("random", inputs, Classes(tuple("0123456789")), whole, few, few)


def ours(steps: int, compiled: bool, kind: str) -> list[float]:
    """Seconds of each step of `fit`, seen from the question that it asks before each step."""
    from nasmyth.train import SGD, Recipe, fit

    net, task = as_task(kind)
    stamps: list[float] = []

    def stop() -> bool:
        stamps.append(time.perf_counter())
        return len(stamps) > steps + WARM

    fit(
        net,
        task,
        Recipe(optimizer=SGD(lr=0.01), batch=BATCH, compile=compiled),
        epochs=5,
        device="cpu",
        stop=stop,
    )
    return stamps


def task_and_recipe():
    """A few epochs with everything that draws at random."""
    from nasmyth.forms.fitting import fit_image_input
    from nasmyth.forms.outputs import Classes
    from nasmyth.train import EMA, AdamW, Crop, Flip, Mixup, Recipe, Split, Task

    x, y = data(1_000)
    part = Split(x, y)
    task = Task(
        "random", fit_image_input(x), Classes(tuple("0123456789")), part, part.take(y[:100]), part.take(y[:100])
    )
    augment = (Flip(), Crop(2), Mixup(0.2))
    return task, Recipe(AdamW(lr=0.01), augment=augment, average=EMA(0.99), batch=BATCH, epochs=3, smoothing=0.1)


def stopped(until: float | None) -> None:
    """Train from the start, whole or to `until`; the state goes to a file."""
    import torch

    from nasmyth.train import fit

    torch.manual_seed(0)
    task, recipe = task_and_recipe()
    fitted = fit(network(), task, recipe, until=until, device="cpu")
    start = time.perf_counter()
    written = fitted.state.to_bytes()
    took = time.perf_counter() - start
    with open(f"{sys.argv[-1]}.{'whole' if until is None else 'left'}", "wb") as file:
        file.write(written)
    print(json.dumps({"seconds": took, "bytes": len(written)}))


def gone_on() -> None:
    """The rest, in another process, against the whole."""
    import torch

    from nasmyth.train import TrainingState, fit

    task, _ = task_and_recipe()
    left, whole = (
        TrainingState.from_bytes(pathlib.Path(f"{sys.argv[-1]}.{name}").read_bytes(), network())
        for name in ("left", "whole")
    )
    end = fit(left, task, device="cpu").state
    parts = [(getattr(end, part), getattr(whole, part)) for part in ("weights", "average", "best")]
    parts += [(end.moments[name], kept) for name, kept in whole.moments.items()]
    different = sum(not torch.equal(one[name], tensor) for one, other in parts for name, tensor in other.items())
    print(json.dumps({"different": different, "of": sum(len(other) for _, other in parts)}))


def compare_resumed() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, found = str(pathlib.Path(folder) / "state"), []
        for which in ("whole", "left", "gone_on"):
            line = [sys.executable, __file__, "--worker", which, "--state", path]
            found.append(
                json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
            )
    print(
        f"going on in another process, left at 1.3 of 3 epochs: {found[2]['different']} of {found[2]['of']} tensors differ "
        f"(weights, average, best, moments; 0 wanted); state {found[0]['bytes']:,} bytes, written in "
        f"{1e3 * found[0]['seconds']:.0f} ms"
    )


def worker(which: str, steps: int, compiled: bool, kind: str) -> None:
    if which in ("whole", "left", "gone_on"):
        gone_on() if which == "gone_on" else stopped(None if which == "whole" else 1.3)
        return
    stamps = {"bare": bare, "ours": ours}[which](steps, compiled, kind)
    each = [b - a for a, b in itertools.pairwise(stamps)][WARM:]
    print(json.dumps({"examples_per_s": BATCH / statistics.median(each), "peak_mb": peak()}))


def peak() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--compile", action="store_true", help="let our loop use torch.compile")
    parser.add_argument("--data", choices=["images", "several"], help="one row of the two")
    parser.add_argument("--worker", choices=["bare", "ours", "whole", "left", "gone_on"])
    parser.add_argument("--state", help="where a worker keeps states")
    args = parser.parse_args()
    if args.worker:
        worker(args.worker, args.steps, args.compile, args.data)
        return
    for kind in [args.data] if args.data else ["images", "several"]:
        compare(kind, args)
    compare_resumed()


def compare(kind: str, args: argparse.Namespace) -> None:
    """One row: pairs of processes, and the ratio of their rates."""
    found: dict[str, list[dict[str, float]]] = {"bare": [], "ours": []}
    for pair in range(args.pairs):
        for which in ("bare", "ours") if pair % 2 else ("ours", "bare"):
            line = [sys.executable, __file__, "--worker", which, "--steps", str(args.steps), "--data", kind]
            line += ["--compile"] if args.compile else []
            out = subprocess.run(line, check=True, capture_output=True, text=True).stdout
            found[which].append(json.loads(out.splitlines()[-1]))
        rates = ", ".join(f"{which} {runs[-1]['examples_per_s']:.0f} examples/s" for which, runs in found.items())
        print(f"{kind}, pair {pair + 1}: {rates}")
    for which, runs in found.items():
        rate, memory = (statistics.median(r[k] for r in runs) for k in ("examples_per_s", "peak_mb"))
        print(f"{kind}, {which}: {rate:.0f} examples/s, peak {memory:.0f} MB")
    logs = [
        math.log(o["examples_per_s"] / b["examples_per_s"]) for o, b in zip(found["ours"], found["bare"], strict=True)
    ]
    print(f"{kind}, ratio ours / bare: {shown(logs)} over {len(logs)} pairs (at least 1.2)")


def shown(logs: list[float]) -> str:
    """The geometric mean with its 95 % confidence interval (Student's t)."""
    from nasmyth.bench.protocol import interval  # not at the top: the bare loop runs this file without the library

    mean, half = interval(logs)
    if len(logs) < 2:
        return f"{math.exp(mean):.2f}"
    return f"{math.exp(mean):.2f} [{math.exp(mean - half):.2f}, {math.exp(mean + half):.2f}]"


if __name__ == "__main__":
    main()
