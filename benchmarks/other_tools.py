"""The picture tools by form that no goal is about, and all of them on a PNG file."""

from __future__ import annotations

from benchmarks.libvips_tools import TOOLS
from benchmarks.table import Section
from benchmarks.tools import CHOSEN, compare
from deploy.local.scratch.stack import ScratchStack


async def measure(stack: ScratchStack) -> Section:
    """As the benchmark of the tools does, once."""
    chosen = [(name, "jpg") for name in TOOLS if name not in CHOSEN] + [(name, "png") for name in TOOLS]
    return await compare("More picture tools by form", stack, chosen, 1)
