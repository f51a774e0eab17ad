"""A server on loopback that speaks the public wire formats of OpenAI's images API and of Gemini's `generateContent`.

It holds requests to what the documents demand and answers with pictures of the size that was asked for; a test may put other answers, a
long silence or a broken connection in their place, one for each request.
"""

from __future__ import annotations

import base64
import email
import io
import json
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

KEY = "test-key-that-nobody-may-log"
GEMINI_RATIOS = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:4", "4:1", "1:8", "8:1"]
GEMINI_SIDES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}


@dataclass(frozen=True)
class Received:
    """A request."""

    path: str
    headers: Mapping[str, str]
    fields: Mapping[str, Any]
    """JSON, or the text fields of a form."""
    files: tuple[tuple[str, str, bytes], ...] = ()
    """Name, media type and content of a form's files."""


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    """Instead of a JSON body."""
    cut_after: int | None = None
    """Bytes of the body after which the connection is closed."""


@dataclass(frozen=True)
class Silence:
    """No answer, until the client has gone or the server closes."""


Answering = Reply | Silence | Callable[[Received], Reply]


class ProviderServer:
    """Serves until its block ends. `next` holds the answers to the next requests, in order; without one, pictures are made."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.next: deque[Answering] = deque()
        self.silenced = threading.Event()
        """A request is being left without an answer."""
        self._closing = threading.Event()
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                server._handle(self)

            def log_message(self, *_args: object) -> None:
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True

    def __enter__(self) -> ProviderServer:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        """Base URL of both APIs, without a path."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        received = _received(handler)
        with self._lock:
            self.received.append(received)
            answer = self.next.popleft() if self.next else pictures
        if isinstance(answer, Silence):
            self.silenced.set()
            self._closing.wait(60)
            handler.close_connection = True
            return
        reply = answer if isinstance(answer, Reply) else answer(received)
        body = reply.content if reply.content is not None else json.dumps(reply.body).encode()
        handler.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **reply.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body[: reply.cut_after])
        if reply.cut_after is not None:
            handler.close_connection = True


def pictures(received: Received) -> Reply:
    """What the API answers to a request that is well-formed."""
    return _gemini(received) if ":generateContent" in received.path else _openai(received)


def openai_error(status: int, code: str | None, message: str = "No.", **more: object) -> Reply:
    """OpenAI's error body."""
    headers = {"x-request-id": "req_1"}
    kind = "image_generation_user_error" if code == "moderation_blocked" else "invalid_request_error"
    error = {"message": message, "type": kind, "param": None, "code": code, **more}
    return Reply(status, {"error": error}, headers)


def gemini_error(status: int, name: str, message: str = "No.", *details: object) -> Reply:
    """Google's error body."""
    return Reply(status, {"error": {"code": status, "message": message, "status": name, "details": list(details)}})


def png(width: int, height: int, colour: str = "teal") -> bytes:
    """A picture."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()


def _openai(received: Received) -> Reply:
    fields = received.fields
    if received.headers.get("authorization") != f"Bearer {KEY}":
        return openai_error(401, "invalid_api_key", "Incorrect API key provided.")
    if received.path not in ("/v1/images/generations", "/v1/images/edits") or (received.path.endswith("edits") != bool(received.files)):
        return openai_error(404, None, f"Invalid URL (POST {received.path})")
    unknown = set(fields) - {"model", "prompt", "size", "quality", "n", "output_format"}
    if (
        unknown
        or len(fields["prompt"]) > 32_000
        or not 1 <= int(fields["n"]) <= 10
        or fields["quality"] not in ("auto", "low", "medium", "high")
    ):
        return openai_error(400, "invalid_value", f"Invalid parameters: {sorted(unknown)}")
    if len(received.files) > 16 or any(name != "image[]" or kind not in ("image/png", "image/jpeg") for name, kind, _ in received.files):
        return openai_error(400, "invalid_value", "Invalid images")
    width, height = (1024, 1024) if fields["size"] == "auto" else map(int, fields["size"].split("x"))
    if width % 16 or height % 16 or max(width, height) > min(3840, 3 * min(width, height)) or not 655_360 <= width * height <= 8_294_400:
        return openai_error(400, "invalid_value", f"Invalid size: {fields['size']}")
    one = {"b64_json": base64.b64encode(png(width, height)).decode()}
    return Reply(body={"created": 1, "data": [one] * int(fields["n"]), "output_format": "png", "usage": {"total_tokens": 100}})


def _gemini(received: Received) -> Reply:
    if received.headers.get("x-goog-api-key") != KEY:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
        return gemini_error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", info)
    if not re.fullmatch(r"/v1beta/models/gemini-3\.1-flash-image:generateContent", received.path):
        return gemini_error(404, "NOT_FOUND", "models/x is not found for API version v1beta")
    config = received.fields["generationConfig"]["imageConfig"]
    parts = received.fields["contents"][0]["parts"]
    references = [part["inlineData"] for part in parts[1:]]
    if any(reference["mimeType"] not in ("image/png", "image/jpeg") for reference in references) or len(references) > 14:
        return gemini_error(400, "INVALID_ARGUMENT", "Unsupported MIME type")
    ratio = config.get("aspectRatio", "1:1")
    if ratio not in GEMINI_RATIOS or config["imageSize"] not in GEMINI_SIDES:
        return gemini_error(400, "INVALID_ARGUMENT", "Invalid image config")
    width, height = map(int, ratio.split(":"))
    unit = GEMINI_SIDES[config["imageSize"]] / (width * height) ** 0.5
    content = png(round(width * unit), round(height * unit))
    return gemini_parts({"text": "Thinking.", "thought": True}, {"text": "Here it is."}, inline(content))


def inline(content: bytes, kind: str = "image/png") -> dict[str, object]:
    """A part of Gemini's with a picture."""
    return {"inlineData": {"mimeType": kind, "data": base64.b64encode(content).decode()}}


def gemini_parts(*parts: object, finish: str = "STOP") -> Reply:
    """Gemini's answer with these parts."""
    candidate: dict[str, object] = {"content": {"parts": list(parts), "role": "model"}, "finishReason": finish, "index": 0}
    return Reply(body={"candidates": [candidate], "usageMetadata": {"totalTokenCount": 100}, "modelVersion": "gemini-3.1-flash-image"})


def _received(handler: BaseHTTPRequestHandler) -> Received:
    body = handler.rfile.read(int(handler.headers["Content-Length"])) if "Content-Length" in handler.headers else _chunked(handler)
    headers = {name.lower(): value for name, value in handler.headers.items()}
    if headers["content-type"].startswith("application/json"):
        return Received(handler.path, headers, json.loads(body))
    message = email.message_from_bytes(b"Content-Type: " + headers["content-type"].encode() + b"\r\n\r\n" + body)
    fields, files = {}, []
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            continue
        if part.get_filename():
            files.append((name, part.get_content_type(), content))
        else:
            fields[name] = content.decode()
    return Received(handler.path, headers, fields, tuple(files))


def _chunked(handler: BaseHTTPRequestHandler) -> bytes:
    body = b""
    while size := int(handler.rfile.readline(), 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body
