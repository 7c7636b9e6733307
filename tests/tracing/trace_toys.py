"""Networks as people write them in plain PyTorch, for tracing: small, but with everything that their kind has."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn


class Bottleneck(nn.Module):
    """He et al. 2016: activations in place, a sum written with +=, one ReLU used three times."""

    def __init__(self, c, width, stride=1):
        super().__init__()
        out = 4 * width
        self.conv1, self.bn1 = nn.Conv2d(c, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.down = None
        if stride != 1 or c != out:
            self.down = nn.Sequential(nn.Conv2d(c, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        skip = x if self.down is None else self.down(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        x += skip
        return self.relu(x)


class ResNet(nn.Module):
    def __init__(self, depths=(1, 2), width=8, classes=7):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 7, 2, 3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        )
        layers, c = [], width
        for stage, depth in enumerate(depths):
            for i in range(depth):
                layers.append(Bottleneck(c, width * 2**stage, 2 if stage and not i else 1))
                c = 4 * width * 2**stage
        self.layers = nn.Sequential(*layers)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(c, classes)

    def forward(self, x):
        return self.fc(torch.flatten(self.pool(self.layers(self.stem(x))), 1))


class DenseLayer(nn.Module):
    def __init__(self, c, growth):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(c), nn.Conv2d(c, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, features):
        x = self.conv1(F.relu(self.norm1(torch.cat(features, 1))))
        return F.dropout(self.conv2(F.relu(self.norm2(x))), 0.1, self.training)


class DenseNet(nn.Module):
    """Huang et al. 2017: every layer reads all before it."""

    def __init__(self, blocks=(3, 2), growth=4, classes=5):
        super().__init__()
        c = 2 * growth
        self.stem = nn.Conv2d(3, c, 3, padding=1, bias=False)
        self.blocks, self.transitions = nn.ModuleList(), nn.ModuleList()
        for i, depth in enumerate(blocks):
            self.blocks.append(nn.ModuleList(DenseLayer(c + j * growth, growth) for j in range(depth)))
            c += depth * growth
            if i < len(blocks) - 1:
                self.transitions.append(
                    nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, c // 2, 1, bias=False), nn.AvgPool2d(2))
                )
                c //= 2
        self.norm, self.head = nn.BatchNorm2d(c), nn.Linear(c, classes)

    def forward(self, x):
        x = self.stem(x)
        for i, block in enumerate(self.blocks):
            features = [x]
            for layer in block:
                features.append(layer(features))
            x = torch.cat(features, 1)
            if i < len(self.transitions):
                x = self.transitions[i](x)
        return self.head(F.relu(self.norm(x)).mean((2, 3)))


class SqueezeExcite(nn.Module):
    def __init__(self, c, reduced):
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(c, reduced, 1), nn.Conv2d(reduced, c, 1)

    def forward(self, x):
        gate = F.adaptive_avg_pool2d(x, 1)
        return x * F.hardsigmoid(self.expand(F.relu(self.reduce(gate))))


class Inverted(nn.Module):
    def __init__(self, c, wide, out, kernel, stride, squeeze, activation):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(c, wide, 1, bias=False), nn.BatchNorm2d(wide), activation(),
            nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide, bias=False), nn.BatchNorm2d(wide), activation(),
            SqueezeExcite(wide, max(2, wide // 4)) if squeeze else nn.Identity(),
            nn.Conv2d(wide, out, 1, bias=False), nn.BatchNorm2d(out),
        )  # fmt: skip
        self.skip = stride == 1 and c == out

    def forward(self, x):
        return x + self.body(x) if self.skip else self.body(x)


class MobileNetV3(nn.Module):
    """Howard et al. 2019: inverted residuals, squeeze and excite, hard swish."""

    def __init__(self, classes=6):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish())
        self.blocks = nn.Sequential(
            Inverted(8, 8, 8, 3, 1, True, nn.ReLU), Inverted(8, 24, 12, 3, 2, False, nn.ReLU),
            Inverted(12, 36, 12, 5, 1, True, nn.Hardswish),
        )  # fmt: skip
        self.last = nn.Sequential(nn.Conv2d(12, 24, 1, bias=False), nn.BatchNorm2d(24), nn.Hardswish())
        self.head = nn.Sequential(nn.Linear(24, 32), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(32, classes))

    def forward(self, x):
        x = self.last(self.blocks(self.stem(x)))
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


class SelfAttention(nn.Module):
    """Attention as most vision transformers write it."""

    def __init__(self, d, heads):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(d, 3 * d), nn.Linear(d, d)

    def forward(self, x):
        b, l, d = x.shape
        q, k, v = self.qkv(x).reshape(b, l, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        x = F.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(b, l, d))


class EncoderBlock(nn.Module):
    def __init__(self, d, heads, module):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attn = nn.MultiheadAttention(d, heads, batch_first=True) if module else SelfAttention(d, heads)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))
        self.scale = nn.Parameter(torch.full((d,), 0.1))
        self.module = module

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.scale * (self.attn(y, y, y)[0] if self.module else self.attn(y))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """Dosovitskiy et al. 2021: patches, a class token, learned positions."""

    def __init__(self, size=16, patch=4, d=12, heads=3, depth=2, classes=5, module=False):
        super().__init__()
        self.patch = nn.Conv2d(3, d, patch, patch)
        self.cls = nn.Parameter(torch.randn(1, 1, d))
        self.pos = nn.Parameter(torch.randn(1, (size // patch) ** 2 + 1, d))
        self.blocks = nn.ModuleList(EncoderBlock(d, heads, module) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, classes)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls.expand(x.shape[0], -1, -1), x), 1) + self.pos
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class UNet(nn.Module):
    """Ronneberger et al. 2015, with padding: what goes down meets what comes up."""

    def __init__(self, widths=(4, 8, 12), classes=3):
        super().__init__()
        self.down = nn.ModuleList(self.pair(a, b) for a, b in zip((3, *widths), widths, strict=False))
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in pairwise(widths))
        self.join = nn.ModuleList(self.pair(2 * a, a) for a in widths[:-1])
        self.shallow = nn.Conv2d(widths[0], widths[0], 1)
        self.last = nn.Conv2d(widths[0], classes, 1)

    @staticmethod
    def pair(c, out):
        first, second = nn.Conv2d(c, out, 3, padding=1), nn.Conv2d(out, out, 3, padding="same")
        return nn.Sequential(first, nn.BatchNorm2d(out), nn.ReLU(), second, nn.ReLU())

    def forward(self, x):
        kept = []
        for i, down in enumerate(self.down):
            x = down(x if i == 0 else F.max_pool2d(x, 2))
            kept.append(x)
        for i in reversed(range(len(self.up))):
            x = self.join[i](torch.cat((kept[i], self.up[i](x)), 1))
        small = F.avg_pool2d(self.shallow(x), 2)
        x = x + F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
        return self.last(x)


class LSTMClassifier(nn.Module):
    """Tokens in, the last state of both directions out."""

    def __init__(self, words=20, d=6, hidden=5, classes=4):
        super().__init__()
        self.embed = nn.Embedding(words, d)
        self.lstm = nn.LSTM(d, hidden, 2, batch_first=True, bidirectional=True, dropout=0.2)
        self.head = nn.Linear(2 * hidden, classes)

    def forward(self, tokens):
        states, (last, _) = self.lstm(self.embed(tokens))
        return self.head(torch.cat((last[-2], last[-1]), 1) + states.mean(1))


class Windows(nn.Module):
    """Attention in windows, with a table of relative positions that both blocks share, and a cyclic shift (Liu et al.
    2021)."""

    def __init__(self, d=8, heads=2, window=2):
        super().__init__()
        self.window, self.heads = window, heads
        self.qkv, self.proj, self.norm = nn.Linear(d, 3 * d), nn.Linear(d, d), nn.LayerNorm(d)
        self.bias = nn.Parameter(torch.randn((2 * window - 1) ** 2, heads))
        place = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        offset = place[:, :, None] - place[:, None] + window - 1
        self.register_buffer("index", offset[0] * (2 * window - 1) + offset[1])

    def attend(self, x):
        b, l, d = x.shape
        q, k, v = self.qkv(x).view(b, l, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)) / math.sqrt(d // self.heads)
        scores = scores + self.bias[self.index].permute(2, 0, 1)
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, l, d))

    def forward(self, x):
        b, h, w, d = x.shape
        n = self.window
        for shift in (0, 1):
            y = torch.roll(self.norm(x), (-shift, -shift), (1, 2))
            y = y.view(b, h // n, n, w // n, n, d).permute(0, 1, 3, 2, 4, 5).reshape(-1, n * n, d)
            y = self.attend(y).view(b, h // n, w // n, n, n, d).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, d)
            x = x + torch.roll(y, (shift, shift), (1, 2))
        return x


class Tied(nn.Module):
    """A language model whose last layer is its embedding, and one block applied twice."""

    def __init__(self, words=11, d=6):
        super().__init__()
        self.embed, self.body, self.norm = nn.Embedding(words, d), nn.Linear(d, d), nn.LayerNorm(d)
        self.head = nn.Linear(d, words, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens):
        x = self.embed(tokens)
        for _ in range(2):
            x = x + F.gelu(self.body(self.norm(x)))
        return self.head(x)


def stir(module, seed=0):
    """Weights and statistics that are nowhere near zero or one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
        for name, buffer in module.named_buffers():
            if name.endswith("running_var"):
                buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
            elif name.endswith("running_mean"):
                buffer.copy_(torch.randn(buffer.shape, generator=generator))
    return module


IMAGE = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
WORDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2], [6, 5, 3, 5, 8, 9, 7]])

FAMILIES = {
    "resnet": (ResNet, torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(2))),
    "densenet": (DenseNet, IMAGE),
    "mobilenet": (MobileNetV3, IMAGE),
    "vit": (ViT, IMAGE),
    "vit of modules": (lambda: ViT(module=True), IMAGE),
    "unet": (UNet, IMAGE),
    "lstm": (LSTMClassifier, WORDS),
    "windows": (Windows, torch.randn(2, 4, 4, 8, generator=torch.Generator().manual_seed(3))),
    "tied": (Tied, WORDS),
}
"""A network of each kind and an input for it."""
