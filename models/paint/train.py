"""Training: `python -m models.paint.train --opencv ARCHIVE --out mark_paint.onnx`, with requirements/training.txt.

Every scene is new. Adam; the learning rate rises, then falls with a cosine. A check with photographs that are not trained on is printed now
and then.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from models.paint.scenes import Scenes
from models.strokes.sources import CHECKED, fonts, photographs
from models.strokes.train import Strokes, optimize

Pixels8 = npt.NDArray[np.uint8]
Checks = Sequence[tuple[Tensor, Tensor]]

_CACHE = Path(__file__).resolve().parents[2] / ".cache" / "downloads"
_SEED = 53
_BATCH = 16
_WAITING = 256  # scenes, from which batches are drawn
_RISE = 100  # steps until the rate is reached
_CHECKS = 120  # scenes
_EVERY = 250  # steps
_PAINTED = 0.03  # opacity
_WIDER, _BOXES = 0.4, 0.6  # of a mark's sides; share of the marks with a box around them


class Paint(Strokes):
    """From [N, 4, H, W], values from -1 to 1, H and W multiples of 16, to logits [N, 5, H, W]: that a mark covers the pixel, the paint's
    opacity, and its red, green and blue times opacity. The fourth channel is 1 in a box around the mark, -1 around that, and 0 everywhere
    if the place of the mark is not known."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Conv2d(self.last.in_channels, 5, 1)
        colours = self.down[0][0]
        self.down[0][0] = nn.Conv2d(4, colours.out_channels, 3, padding=1, bias=False)

    def take(self, weights: dict[str, Tensor]) -> None:
        """Take over weights; those of a network without a fourth channel, as well."""
        first = weights["down.0.0.weight"]
        missing = 4 - first.shape[1]
        weights["down.0.0.weight"] = functional.pad(first, (0, 0, 0, 0, 0, missing))
        self.load_state_dict(weights)

    @torch.no_grad()
    def begin_with(self, strokes: Path, pictures: Tensor) -> None:
        """Take over the network that outlines lines of text, as exported: its normalisation is part of the convolutions there, and is
        set so that these `pictures` pass as they did."""
        file = onnx.load(strokes)
        weights = {each.name: torch.from_numpy(numpy_helper.to_array(each).copy()) for each in file.graph.initializer}
        convolutions = iter([[weights[name] for name in node.input[1:3]] for node in file.graph.node if node.op_type == "Conv"])

        def take(module: nn.Module, inputs: tuple[Tensor], seen: Tensor) -> Tensor:
            weight, bias = next(convolutions)
            assert isinstance(module, nn.Conv2d)
            weight = functional.pad(weight, (0, 0, 0, 0, 0, module.in_channels - weight.shape[1]))
            module.weight.copy_(weight)
            return functional.conv2d(inputs[0], weight, padding=1) + 0 * seen + bias.view(1, -1, 1, 1)

        def keep(module: nn.Module, inputs: tuple[Tensor], seen: Tensor) -> Tensor:
            assert isinstance(module, nn.BatchNorm2d)
            variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3), correction=0)
            module.weight.copy_((variance + module.eps).sqrt())
            module.bias.copy_(mean)
            return inputs[0]

        hooks = []
        for module in [each for block in (*self.down, *self.up) for each in block]:
            if isinstance(module, nn.Conv2d):
                hooks.append(module.register_forward_hook(take))
            elif isinstance(module, nn.BatchNorm2d):
                hooks.append(module.register_forward_hook(keep))
        order = [*range(len(self.down)), *reversed(range(len(self.up)))]
        assert len(order) == len(self.down) + len(self.up)
        self.eval()
        self(pictures)
        for hook in hooks:
            hook.remove()
        weight, bias = next(convolutions)
        self.last.weight[:1], self.last.bias[:1] = weight, bias
        self.train()
        for _ in range(20):  # the running means of the normalisation
            self(pictures)


def main() -> None:
    """Train, and write the network as ONNX."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--opencv", type=Path, required=True, help="the source archive of opencv-python-headless 4.9.0.80")
    parser.add_argument("--out", type=Path, required=True, help="the ONNX file to write")
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--resume", type=Path, help="weights to begin with, saved next to an earlier ONNX file")
    parser.add_argument("--rate", type=float, default=2e-3, help="of learning")
    parser.add_argument("--begin", type=Path, help="the network of the first stage, as ONNX (models/strokes)")
    parser.add_argument("--least", type=float, default=0.0, help="opacity of the faintest marks: begin with strong ones")
    parser.add_argument("--seed", type=int, default=_SEED, help="another one draws other scenes")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)  # its threads do not outlive the fork of the process that draws
    known, letters = photographs(arguments.opencv), fonts(_CACHE)
    torch.manual_seed(arguments.seed)
    network = Paint().to(memory_format=torch.channels_last)
    if arguments.resume:
        network.take(torch.load(arguments.resume, weights_only=True))
    scenes = [*islice(Scenes([known[name] for name in CHECKED], letters, _SEED).scenes(), _CHECKS)]
    check = [_tensors(scenes, np.random.default_rng(_SEED), boxes) for boxes in (0, 1)]
    if arguments.begin:
        network.begin_with(arguments.begin, check[0][0][:_BATCH])
    print(f"before: {_checked(network, check)}", flush=True)
    trained_on = [picture for name, picture in known.items() if name not in CHECKED]
    batches = _batches(trained_on, letters, arguments)
    optimize(network, batches, _loss, lambda: _checked(network, check), arguments, rise=_RISE, every=_EVERY)
    export(network, arguments.out)


def _loss(logits: Tensor, paint: Tensor) -> Tensor:
    """Cross entropy and one minus Dice's coefficient of the cover, and the mean error of the paint, where there is some, and elsewhere."""
    painted = (paint[:, 3:] > _PAINTED).float()
    found = logits[:, :1].sigmoid()
    overlap = (found * painted).sum((1, 2, 3))
    dice = (2 * overlap + 40) / ((found**2).sum((1, 2, 3)) + painted.sum((1, 2, 3)) + 40)
    colour = torch.cat([logits[:, 2:].sigmoid(), logits[:, 1:2].sigmoid()], dim=1)
    error = (colour - paint).abs().mean(1, keepdim=True)
    inside = (error * painted).sum() / (painted.sum() + 1)
    return functional.binary_cross_entropy_with_logits(logits[:, :1], painted) + (1 - dice).mean() + 2 * inside + error.mean()


@torch.no_grad()
def _checked(network: nn.Module, checks: Checks) -> str:
    """Without and with a box, in photographs that are not trained on."""
    return "; ".join(_checked_on(network, check) for check in checks)


def _checked_on(network: nn.Module, check: tuple[Tensor, Tensor]) -> str:
    """Precision, recall and intersection over union of what is found; the opacity's mean error."""
    network.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = torch.cat([network(part).float() for part in check[0].split(_BATCH)])
    found, painted = logits[:, 0] > 0, check[1][:, 3] > _PAINTED
    both = (found & painted).sum().item()
    whole, truth, either = (mask.sum().item() for mask in (found, painted, found | painted))
    error = (logits[:, 1].sigmoid() - check[1][:, 3]).abs()[painted].mean().item()
    return f"precision {both / max(1, whole):.3f}, recall {both / truth:.3f}, IoU {both / either:.3f}, opacity off by {error:.3f}"


def _tensors(scenes: Sequence[tuple[Pixels8, Pixels8]], chance: np.random.Generator, boxes: float) -> tuple[Tensor, Tensor]:
    """With a box around this share of the marks."""
    places = np.stack([_box(paint, chance) if chance.random() < boxes else np.zeros(paint.shape[:2], np.float32) for _, paint in scenes])
    seen = torch.from_numpy(np.stack([picture for picture, _ in scenes])).permute(0, 3, 1, 2).float() / 127.5 - 1
    seen = torch.cat([seen, torch.from_numpy(places)[:, None]], dim=1)
    paint = torch.from_numpy(np.stack([paint for _, paint in scenes])).permute(0, 3, 1, 2).float() / 255
    return seen.contiguous(memory_format=torch.channels_last), paint.contiguous()


def _box(paint: Pixels8, chance: np.random.Generator) -> npt.NDArray[np.float32]:
    """1 in a box around the mark as a person draws it, up to 40 % wider on each side, and -1 elsewhere; 0 without a mark."""
    place = np.zeros(paint.shape[:2], np.float32)
    rows, columns = np.nonzero(paint[..., 3] > _PAINTED * 255)
    if rows.size:
        place -= 1
        spans: list[slice] = []
        height, width = paint.shape[:2]
        for where, side in ((rows, height), (columns, width)):
            first, last = int(where.min()), int(where.max()) + 1
            before, after = chance.uniform(0, _WIDER, 2) * (last - first)
            spans.append(slice(max(0, round(first - before)), min(side, round(last + after))))
        place[spans[0], spans[1]] = 1
    return place


def _batches(pictures: Sequence[Pixels8], letters: Sequence[bytes], arguments: argparse.Namespace) -> Iterator[tuple[Tensor, Tensor]]:
    """Drawn by a process of their own, ahead of the training."""
    ready: multiprocessing.Queue[list[tuple[Pixels8, Pixels8]]] = multiprocessing.Queue(8)
    drawer = multiprocessing.Process(target=_draw, args=(pictures, letters, arguments, ready), daemon=True)
    drawer.start()
    chance = np.random.default_rng(arguments.seed)
    for _ in range(arguments.steps):
        yield _tensors(ready.get(), chance, _BOXES)


def _draw(
    pictures: Sequence[Pixels8],
    letters: Sequence[bytes],
    arguments: argparse.Namespace,
    ready: multiprocessing.Queue[list[tuple[Pixels8, Pixels8]]],
) -> None:
    seed: int = arguments.seed + 1
    scenes, chance = Scenes(pictures, letters, seed, arguments.least).scenes(), np.random.default_rng(seed)
    waiting: list[tuple[Pixels8, Pixels8]] = []
    for _ in range(arguments.steps):
        while len(waiting) < _WAITING:
            scene = next(scenes)
            waiting += [scene, _varied(*scene, chance)]
        ready.put([waiting.pop(chance.integers(len(waiting))) for _ in range(_BATCH)])


def _varied(picture: Pixels8, paint: Pixels8, chance: np.random.Generator) -> tuple[Pixels8, Pixels8]:
    """The scene in other colours, as a negative or not, and upside down, which costs less than to draw one."""
    order = chance.permutation(3)
    picture, paint = picture[::-1, ::-1, order], paint[::-1, ::-1, [*order, 3]]
    if chance.random() < 0.5:
        opacity = paint[..., 3:]
        picture, paint = 255 - picture, np.concatenate([opacity - np.minimum(opacity, paint[..., :3]), opacity], axis=2)
    return np.ascontiguousarray(picture), np.ascontiguousarray(paint)


def export(network: Paint, out: Path) -> None:
    """As ONNX: `pixels` [N, 4, H, W], -1 to 1, to `paint` [N, 5, H, W], 0 to 1."""

    class Painted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network.eval()

        def forward(self, image: Tensor) -> Tensor:
            paint: Tensor = self.network(image).sigmoid()
            return paint

    axes = {0: "batch", 2: "height", 3: "width"}
    torch.onnx.export(
        Painted(), (torch.zeros(1, 4, 64, 320),), str(out), input_names=["pixels"], output_names=["paint"],
        dynamic_axes={"pixels": axes, "paint": axes}, opset_version=17, dynamo=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
