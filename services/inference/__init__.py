"""Workers: operations on pictures and documents, with models served by Triton."""

import os
from pathlib import Path

# OpenBLAS reads it when numpy is first imported. The filters multiply small matrices, and its threads spend several times as long on
# waiting for each other as one takes for the work (benchmarks/results.md).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Fontconfig, below libvips, reads it once, before the first text is drawn, be it that of an SVG.
os.environ["FONTCONFIG_FILE"] = str(Path(__file__).parent / "fonts" / "fonts.conf")
