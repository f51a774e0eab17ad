"""One file, fetched from a server that a client named and that may do whatever it likes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from services.files.domain.naming import EXTENSIONS
from services.pictures.media_format import sniff
from services.pictures.probe.faults import EMPTY, problem_of
from services.platform.egress.destinations import Destinations, ForbiddenAddressError, Purpose, UnreachableError
from services.platform.egress.pinned import PinnedClient
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.object_writing import HEAD_BYTES

PURPOSE = Purpose(forbids="files may not be fetched from", setting="DARKROOM_FETCH_ALLOWED_NETWORKS", secrets="", fragments=True)
_HEADERS = {"user-agent": "Darkroom-Fetch/1"}
_REDIRECTS = (
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
)
_BUSY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
_PASSING_SECONDS = 2
_PLAIN = ("", "identity")


@dataclass(frozen=True, slots=True)
class Room:
    """How large a file may be."""

    size_bytes: int
    reason: ErrorReason
    """The error for a larger one: FILE_TOO_LARGE, or QUOTA_EXCEEDED if the account has no more room."""

    def check(self, size: int, field: str) -> None:
        """Raise `reason` for a file with this many bytes or more."""
        if size <= self.size_bytes:
            return
        if self.reason is ErrorReason.QUOTA_EXCEEDED:
            most = f"{self.size_bytes}, all that the account may still store. Delete files first"
        else:
            most = f"{self.size_bytes}, the most that are allowed"
        raise DarkroomError(self.reason, f"{field}: the file has more bytes than {most}.", field=field)


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How long a fetch may take, in seconds, and how many redirects are followed."""

    redirects: int
    connect: float
    idle: float
    whole: float


class Fetcher:
    """Fetches files. Each redirect is checked as the first URL is. Errors and logs repeat no URL and nothing that a server answered, apart
    from its status: a URL may hold secrets."""

    def __init__(self, destinations: Destinations, limits: FetchLimits, tls: ssl.SSLContext | None = None) -> None:
        self._destinations, self._limits = destinations, limits
        self._client = PinnedClient(destinations, httpx.Timeout(limits.idle, connect=limits.connect), tls)

    def check(self, url: str, field: str) -> str:
        """The last part of the URL's path, as a name; may be empty. Raises FIELD_INVALID for a URL that nothing is fetched from."""
        return self._destinations.parse(url, field).path.rpartition("/")[2]

    def check_address(self, url: str, field: str) -> None:
        """Raise FIELD_INVALID for a URL with an address, in place of a host's name, that files may not be fetched from."""
        if self._destinations.forbids_address(url):
            raise _forbidden(field)

    @asynccontextmanager
    async def fetch(self, account_id: int, url: str, field: str, room: Room, name: str = "") -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of a file, which will have this name, as they arrive, for an account. Failures are reported for `field`, also while
        they are read.

        Raises FIELD_INVALID (also for an address that files may not be fetched from), URL_FETCH_FAILED, MEDIA_UNSUPPORTED, FILE_CORRUPT (it
        is empty), and what `room` raises.
        """
        with _explained(field, self._limits):
            async with asyncio.timeout(self._limits.whole) as deadline:
                for _ in range(self._limits.redirects + 1):
                    async with self._client.answer("GET", account_id, url, _HEADERS) as response:
                        if response.status_code not in _REDIRECTS:
                            yield _body(response, field, room, deadline, name)
                            return
                        url = self._next(url, response, field)
                raise _failed(field, f"there are more than {self._limits.redirects} redirects")

    def _next(self, url: str, response: httpx.Response, field: str) -> str:
        try:
            following = str(httpx.URL(url).join(response.headers.get("location", "")))
            self._destinations.parse(following, field)
        except (httpx.InvalidURL, UnicodeError):
            raise _failed(field, "it redirects to something that is not a URL") from None
        except DarkroomError as error:
            problem = error.message.removeprefix(f"{field}: ").removesuffix(".")
            raise _failed(field, f"it redirects to a URL that files are not fetched from: {problem}") from None
        return following


async def _body(response: httpx.Response, field: str, room: Room, deadline: asyncio.Timeout, name: str) -> AsyncIterator[bytes]:
    _check_answer(response, field)
    if (length := response.headers.get("content-length", "")).isdecimal():
        room.check(int(length), field)
    received, head = 0, b""
    async for chunk in response.aiter_raw():
        received += len(chunk)
        room.check(received, field)
        if received - len(chunk) >= HEAD_BYTES:
            yield chunk
            continue
        head += chunk
        if len(head) >= HEAD_BYTES:
            _check_head(head, response, field, name)
            yield head
    if received < HEAD_BYTES:
        _check_head(head, response, field, name)
        yield head
    # It has arrived: the rest is up to the storage.
    deadline.reschedule(None)


def _check_answer(response: httpx.Response, field: str) -> None:
    status = response.status_code
    if status != HTTPStatus.OK:
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            problem = "there is nothing at this URL: its server answers"
        elif status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            problem = "its server restricts access to the file; it answers"
        else:
            problem = "its server answers"
        raise _failed(field, f"{problem} {status}", status, passing=status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR)
    if response.headers.get("content-encoding", "").lower().strip() not in _PLAIN:
        raise _failed(field, "its server sends the file with a Content-Encoding, although it was asked for none")


def check_stored_head(head: bytes, field: str) -> None:
    """Refuse content that is surely no file of a known kind. Raises FILE_CORRUPT (it is empty) and MEDIA_UNSUPPORTED."""
    if not head:
        raise _empty(field)
    if sniff(head[:HEAD_BYTES]) is None:
        message = f"{field}: its content is not a picture or document of a known format."
        raise DarkroomError(ErrorReason.MEDIA_UNSUPPORTED, message, field=field, allowed=EXTENSIONS, metadata=problem_of(head))


def _check_head(head: bytes, response: httpx.Response, field: str, name: str) -> None:
    """Refuse at once what is surely no file of a known kind."""
    if not head:
        raise _empty(field)
    if sniff(head, name) is None:
        page = " but a web page" if response.headers.get("content-type", "").lower().startswith("text/html") else ""
        message = f"{field}: the content at this URL is not a picture or document of a known format{page}."
        raise DarkroomError(ErrorReason.MEDIA_UNSUPPORTED, message, field=field, allowed=EXTENSIONS, metadata=problem_of(head))


@contextmanager
def _explained(field: str, limits: FetchLimits) -> Generator[None, None, None]:
    """Turn what goes wrong inside the block into errors that say it, and nothing else."""
    try:
        yield
    except ForbiddenAddressError:
        raise _forbidden(field) from None
    except UnreachableError as error:
        said = str(error).rstrip(".")
        raise _failed(field, said[:1].lower() + said[1:], passing=True) from None
    except httpx.ConnectTimeout:
        raise _failed(field, f"its server could not be reached within {limits.connect:g} s", passing=True) from None
    except httpx.TimeoutException:
        raise _failed(field, f"its server sent nothing for {limits.idle:g} s", passing=True) from None
    except TimeoutError:
        raise _failed(field, f"the file did not arrive within {limits.whole:g} s", passing=True) from None
    except httpx.RemoteProtocolError:
        problem = "its server closed the connection before the file had arrived, or does not speak HTTP"
        raise _failed(field, problem, passing=True) from None
    except (httpx.HTTPError, ssl.SSLError) as error:
        certificate = isinstance(error, ssl.SSLError) or "CERTIFICATE" in str(error).upper()
        if certificate:
            raise _failed(field, "its server has no valid certificate") from None
        raise _failed(field, "its server cannot be reached", passing=True) from None


def _empty(field: str) -> DarkroomError:
    return DarkroomError(ErrorReason.FILE_CORRUPT, f"{field}: the file is empty.", field=field, metadata=EMPTY)


def _forbidden(field: str) -> DarkroomError:
    message = (
        f"{field}: it leads to an address that {PURPOSE.forbids}: private, loopback, link-local, multicast or reserved. "
        f"The operator can allow networks by {PURPOSE.setting}."
    )
    return DarkroomError(ErrorReason.FIELD_INVALID, message, field=field)


def _failed(field: str, problem: str, status: int | None = None, *, passing: bool = False) -> DarkroomError:
    """`passing`: the same URL may well work a little later."""
    metadata = {} if status is None else {"http_status": str(status)}
    retry_after = _PASSING_SECONDS if passing else None
    return DarkroomError(ErrorReason.URL_FETCH_FAILED, f"{field}: {problem}.", field=field, metadata=metadata, retry_after=retry_after)
