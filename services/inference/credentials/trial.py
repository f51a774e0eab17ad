"""A trial of the certificate when the worker starts: the library is stricter than a look at the certificate can be."""

from __future__ import annotations

from services.inference.credentials import child
from services.inference.credentials.manifest import CREATED, Deed, definition
from services.inference.credentials.signer import Signer
from services.platform.log import get_logger
from services.platform.sandbox import Limits, Sandbox

_TYPE = "image/gif"
_MEMORY = 4 << 30
_logger = get_logger()


async def check_signing(sandbox: Sandbox, signer: Signer | None) -> None:
    """Sign a tiny picture, if anything is signed here. Raises SystemExit, and logs why, if what comes out is not valid."""
    if signer is None:
        return
    asked = child.SigningJob(
        media_type=_TYPE,
        definition=definition("trial.gif", _TYPE, [Deed("qr_code", CREATED)], []),
        parts=(),
        certificates=signer.certificates,
        algorithm=signer.algorithm,
    )
    wrong = await sandbox.run(child.try_signing, asked, answers=signer.answering_once(), limits=Limits(memory_bytes=_MEMORY))
    if wrong:
        _logger.error("certificate_not_usable", setting="DARKROOM_CONTENT_CREDENTIALS_CERTIFICATES", problems=wrong)
        raise SystemExit(2)
    _logger.info("content_credentials_ready", algorithm=signer.algorithm, expires=signer.expires.isoformat())
