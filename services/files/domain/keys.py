"""Names of objects in the bucket.

A client's single PUT goes to a name below `uploads/`. Accepting the upload copies the bytes to a new name below `files/` for which no
URL to write was ever signed, so whatever a client does with its URL later, no file changes. Parts go to the file's own name at once:
their URLs are void when the parts have been joined or dropped. So does what a service writes, whose URLs no client sees.
"""

from __future__ import annotations

import re
import secrets

from services.files.records import NEW_ID

FILES = "files/"
"""The source from which files are served."""
UPLOADS = "uploads/"
"""Where clients' single PUTs go; what is here belongs to an upload that has not been accepted."""

_TRIALS = 10**18
"""From here on, no account has the number."""
_FILE_KEY = re.compile(rf"{FILES}\d+/(\d{{1,18}})-")
_TRIAL_KEY = re.compile(rf"{FILES}(\d{{19}})/1-")
_UPLOAD_KEY = re.compile(rf"{UPLOADS}(\d{{1,18}})-\d+-")


def object_key(account_id: int, file_id: int) -> str:
    """A new name for a file's bytes. Its random end keeps URLs from being guessed by someone who knows the ids."""
    return f"{FILES}{account_id}/{file_id or NEW_ID}-{secrets.token_urlsafe(16)}"


def upload_key(account_id: int, file_id: int) -> str:
    """A new name for what a client sends in a single PUT."""
    return f"{UPLOADS}{account_id}-{file_id or NEW_ID}-{secrets.token_urlsafe(16)}"


def trial_key() -> str:
    """A name for an object that is only to show what the storage can do; no file ever has this one's id.

    Each is in a folder of its own, whose number no account has: a storage made of folders, such as rclone's, removes one with its last
    object, and refuses what another replica is just writing there.
    """
    return object_key(_TRIALS + secrets.randbelow(_TRIALS), 1)


def is_of_no_file(key: str) -> bool:
    """Whether no file ever has the name: it was made by `trial_key`, or is one of the operator's own."""
    found = _TRIAL_KEY.match(key)
    return not key.startswith((FILES, UPLOADS)) or (found is not None and int(found[1]) >= _TRIALS)


def file_id_of(key: str) -> int | None:
    """The file that a name made by `object_key` is for; None for any other name."""
    found = _FILE_KEY.match(key)
    return int(found[1]) if found else None


def uploader_of(key: str) -> int | None:
    """The account that a name made by `upload_key` is for; None for any other name."""
    found = _UPLOAD_KEY.match(key)
    return int(found[1]) if found else None
