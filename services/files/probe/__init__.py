"""What an uploaded file is, determined from its content, reading only its headers.

    async with object_http() as storage:
        prober = Prober(sandbox, storage, ProbeLimits())
        found = await prober.probe(url, size, etag)

Nothing is decoded, so a picture that claims 30,000 x 30,000 pixels costs no more than any other; whether it is too
large is the caller's decision.
"""

from services.files.probe.model import MEDIA_TYPES, Probe
from services.files.probe.prober import ProbeLimits, Prober
from services.files.probe.ranges import RangeFile, ReadRange, file_ranges
from services.files.probe.sniff import probe

__all__ = ["MEDIA_TYPES", "Probe", "ProbeLimits", "Prober", "RangeFile", "ReadRange", "file_ranges", "probe"]
