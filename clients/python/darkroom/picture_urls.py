"""URLs of pictures, signed: no server is asked."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote


class PictureUrls:
    """Makes URLs of pictures for web pages.

    `url` is that of the server, as browsers reach it. `key_id` and `secret` are of a key that `client.picture_keys.create` has made. Keep
    the secret on your server: whoever has it can make URLs for every picture of the account.
    """

    def __init__(self, url: str, key_id: int, secret: str) -> None:
        self._url, self._key_id, self._secret = url.rstrip("/"), key_id, secret

    def url(self, source: int | str, operations: str = "-", *, expires: datetime | timedelta | None = None) -> str:
        """The URL of a picture after operations such as `resize:width=800,height=600;remove-background;format=webp`; `-` for none.

        `source` is the id of a file, or a URL of an origin that the key allows. `expires` is a time with a time zone, or a span from now;
        without it the URL works as long as the file and the key. Raises ValueError for a time without a zone, and for operations with a
        slash, a question mark, a number sign or a space, which the values of parameters have percent-encoded.
        """
        if bad := set(operations) & set("/?# "):
            raise ValueError(f"operations: has {', '.join(map(repr, sorted(bad)))}; percent-encode the values of parameters")
        if expires is not None:
            moment = datetime.now(UTC) + expires if isinstance(expires, timedelta) else expires
            if moment.tzinfo is None:
                raise ValueError("expires: must have a time zone, such as datetime.now(UTC) + …")
            ends = f"expires={int(moment.timestamp())}"
            operations = ends if operations in ("", "-") else f"{operations};{ends}"
        # Nothing of a URL that a proxy on the way might change is left unencoded.
        signed = f"{operations or '-'}/{quote(str(source), safe='')}"
        mac = base64.urlsafe_b64encode(hmac.digest(self._secret.encode(), signed.encode(), "sha256")).rstrip(b"=").decode()
        return f"{self._url}/i/{self._key_id}.{mac}/{signed}"
