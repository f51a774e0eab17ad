"""Training: `python -m models.strokes.train --opencv ARCHIVE --out lines.onnx`, with requirements/training.txt.

6,500 steps of 24 lines take about an hour on two cores; a tenth of them is enough to try something. Every crop is new; Adam, the learning
rate rises, then falls with a cosine; the loss is cross entropy and one minus Dice's coefficient. A check with photographs that are not
trained on is printed now and then.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.strokes.drawing import Hand
from models.strokes.sources import CHECKED, fonts, photographs

_CHANNELS = (16, 32, 64, 96, 128)


def _block(given: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(given, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)),
        *(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)),
    )


class Strokes(nn.Module):
    """From [N, 3, H, W], values from -1 to 1, H and W multiples of 16, to logits of the paint's cover [N, 1, H, W]."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(_block(given, channels) for given, channels in zip((3, *_CHANNELS), _CHANNELS, strict=False))
        self.up = nn.ModuleList(_block(low + high, high) for high, low in pairwise(_CHANNELS))
        self.last = nn.Conv2d(_CHANNELS[0], 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits."""
        kept: list[Tensor] = []
        for level, block in enumerate(self.down):
            image = block(image if level == 0 else functional.max_pool2d(image, 2))
            kept.append(image)
        for level in reversed(range(len(self.up))):
            larger = functional.interpolate(image, scale_factor=2.0, mode="nearest")
            image = self.up[level](torch.cat([larger, kept[level]], dim=1))
        logits: Tensor = self.last(image)
        return logits


Pixels8 = npt.NDArray[np.uint8]

_CACHE = Path(__file__).resolve().parents[2] / ".cache" / "downloads"
_SEED = 17
_BATCH = 24
_RISE = 300  # steps until the rate is reached
_CHECKS = 240  # lines
_EVERY = 500  # steps


def main() -> None:
    """Train, and write the network as ONNX."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--opencv", type=Path, required=True, help="the source archive of opencv-python-headless 4.9.0.80")
    parser.add_argument("--out", type=Path, required=True, help="the ONNX file to write")
    parser.add_argument("--steps", type=int, default=6_500)
    parser.add_argument("--resume", type=Path, help="weights to begin with, saved next to an earlier ONNX file")
    parser.add_argument("--rate", type=float, default=2e-3, help="of learning")
    parser.add_argument("--seed", type=int, default=_SEED, help="another one draws other lines")
    arguments = parser.parse_args()
    known, letters = photographs(arguments.opencv), fonts(_CACHE)
    torch.manual_seed(arguments.seed)
    network = Strokes().to(memory_format=torch.channels_last)
    if arguments.resume:
        network.load_state_dict(torch.load(arguments.resume, weights_only=True))
    check = _tensors([*islice(Hand([known[name] for name in CHECKED], letters, _SEED).lines(), _CHECKS)])
    print(f"before: {_checked(network, check)}", flush=True)
    trained_on = [picture for name, picture in known.items() if name not in CHECKED]
    batches = _batches(trained_on, letters, arguments.steps, arguments.seed + 1)
    optimize(network, batches, _loss, lambda: _checked(network, check), arguments, rise=_RISE, every=_EVERY)
    export(network, arguments.out)


def optimize(
    network: nn.Module,
    batches: Iterator[tuple[Tensor, Tensor]],
    loss_of: Callable[[Tensor, Tensor], Tensor],
    checked: Callable[[], str],
    arguments: argparse.Namespace,
    *,
    rise: int,
    every: int,
) -> None:
    """Train with Adam, at a rate that rises for `rise` steps and then falls as a cosine. Saves the weights `every` so many steps and
    prints the loss and what `checked` says. `loss_of` takes the network's logits and the truth."""
    steps: int = arguments.steps
    optimizer = torch.optim.Adam(network.parameters(), lr=arguments.rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / rise) * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, step / steps))) / 2)
    )
    began, recent = time.monotonic(), 0.0
    for step, (pictures, truth) in enumerate(batches, 1):
        network.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(pictures)
        loss = loss_of(logits.float(), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        recent = loss.item() if step == 1 else 0.98 * recent + 0.02 * loss.item()
        if step % every == 0 or step == steps:
            print(f"step {step} of {steps}, {time.monotonic() - began:.0f} s: loss {recent:.4f}, {checked()}", flush=True)
            torch.save(network.state_dict(), arguments.out.with_suffix(".pt"))


def _loss(logits: Tensor, covers: Tensor) -> Tensor:
    found = logits.sigmoid()
    overlap = (found * covers).sum((1, 2, 3))
    dice = (2 * overlap + 20) / ((found**2).sum((1, 2, 3)) + (covers**2).sum((1, 2, 3)) + 20)
    return functional.binary_cross_entropy_with_logits(logits, covers) + (1 - dice).mean()


@torch.no_grad()
def _checked(network: nn.Module, check: tuple[Tensor, Tensor]) -> str:
    """Precision, recall and intersection over union of what is found in photographs that are not trained on."""
    network.eval()
    found = torch.cat([network(part) for part in check[0].split(_BATCH)]) > 0
    painted = check[1] > 0.5
    both = (found & painted).sum().item()
    whole, truth, either = (mask.sum().item() for mask in (found, painted, found | painted))
    return f"precision {both / whole:.3f}, recall {both / truth:.3f}, IoU {both / either:.3f}"


def _tensors(lines: Sequence[tuple[Pixels8, Pixels8]]) -> tuple[Tensor, Tensor]:
    seen = torch.from_numpy(np.stack([picture for picture, _ in lines])).permute(0, 3, 1, 2).float() / 127.5 - 1
    covers = torch.from_numpy(np.stack([cover for _, cover in lines])).unsqueeze(1).float() / 255
    return seen.contiguous(memory_format=torch.channels_last), covers


def _batches(pictures: Sequence[Pixels8], letters: Sequence[bytes], steps: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Drawn by a process of their own, ahead of the training."""
    ready: multiprocessing.Queue[list[tuple[Pixels8, Pixels8]]] = multiprocessing.Queue(8)
    drawer = multiprocessing.Process(target=_draw, args=(pictures, letters, steps, seed, ready), daemon=True)
    drawer.start()
    for _ in range(steps):
        yield _tensors(ready.get())


def _draw(
    pictures: Sequence[Pixels8],
    letters: Sequence[bytes],
    steps: int,
    seed: int,
    ready: multiprocessing.Queue[list[tuple[Pixels8, Pixels8]]],
) -> None:
    lines = Hand(pictures, letters, seed).lines()
    for _ in range(steps):
        ready.put([*islice(lines, _BATCH)])


def export(network: Strokes, out: Path) -> None:
    """As ONNX: `pixels` [N, 3, H, W], -1 to 1, to `cover` [N, 1, H, W], 0 to 1."""

    class Covered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network.eval()

        def forward(self, image: Tensor) -> Tensor:
            cover: Tensor = self.network(image).sigmoid()
            return cover

    axes = {0: "batch", 2: "height", 3: "width"}
    torch.onnx.export(
        Covered(), (torch.zeros(1, 3, 64, 320),), str(out), input_names=["pixels"], output_names=["cover"],
        dynamic_axes={"pixels": axes, "cover": axes}, opset_version=17, dynamo=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
