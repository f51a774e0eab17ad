"""Workers: operations on pictures and documents, with models served by Triton."""

import os
from pathlib import Path

# Fontconfig, below libvips, reads it once, before the first text is drawn, be it that of an SVG.
os.environ["FONTCONFIG_FILE"] = str(Path(__file__).parent / "fonts" / "fonts.conf")
