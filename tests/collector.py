"""A collector of traces: it takes spans by OTLP, over gRPC as the services and Envoy send them and over HTTP as Triton does."""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1 import common_pb2

_ID = re.compile(r'("(?:traceId|spanId|parentSpanId)"\s*:\s*)"([0-9a-f]*)"')


@dataclass(frozen=True)
class Seen:
    """A span. Ids are in hexadecimal; `parent` is empty for the first of a trace."""

    service: str
    name: str
    kind: int
    trace: str
    id: str
    parent: str
    attributes: dict[str, str]
    failed: bool


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Listens on two loopback ports until it is closed, and keeps what it gets."""

    def __init__(self) -> None:
        self._spans: list[Seen] = []
        self._arrived = threading.Condition()
        self._grpc = grpc.server(ThreadPoolExecutor(4))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._grpc)  # type: ignore[no-untyped-call]
        self._grpc_port = self._grpc.add_insecure_port("127.0.0.1:0")
        self._grpc.start()
        self._http = _Server(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a stack that exports to here."""
        return {
            "DARKROOM_OTLP_ENDPOINT": f"http://127.0.0.1:{self._grpc_port}",
            "DARKROOM_OTLP_HTTP_ENDPOINT": f"http://127.0.0.1:{self._http.server_port}/v1/traces",
        }

    def close(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._http.server_close()
        self._grpc.stop(0).wait()

    def Export(  # noqa: N802 - named by the proto
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        """Take a batch."""
        self._take(request)
        return trace_service_pb2.ExportTraceServiceResponse()

    @property
    def spans(self) -> list[Seen]:
        """Everything that has arrived."""
        with self._arrived:
            return list(self._spans)

    def of(self, trace: str, complete: Callable[[list[Seen]], bool], seconds: float = 60) -> list[Seen]:
        """The spans of a trace, as soon as they are complete; fails when they are not for that long."""
        deadline = time.monotonic() + seconds
        with self._arrived:
            while not complete(found := [span for span in self._spans if span.trace == trace]):
                if not self._arrived.wait(deadline - time.monotonic()):
                    raise AssertionError(f"after {seconds} s there are {_listed(found)}; of other traces {_listed(self._spans)}")
        return found

    def _take(self, request: trace_service_pb2.ExportTraceServiceRequest) -> None:
        with self._arrived:
            for resource in request.resource_spans:
                service = _attributes(resource.resource.attributes).get("service.name", "")
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        self._spans.append(
                            Seen(
                                service=service,
                                name=span.name,
                                kind=span.kind,
                                trace=span.trace_id.hex(),
                                id=span.span_id.hex(),
                                parent=span.parent_span_id.hex(),
                                attributes=_attributes(span.attributes),
                                failed=span.status.code == span.status.STATUS_CODE_ERROR,
                            )
                        )
            self._arrived.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                request = trace_service_pb2.ExportTraceServiceRequest()
                if self.headers["content-type"] == "application/json":
                    # OTLP's JSON has ids in hexadecimal, where that of protobuf has base64.
                    json_format.Parse(_ID.sub(_base64, body.decode()), request)
                else:
                    request.ParseFromString(body)
                take(request)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


def _listed(spans: list[Seen]) -> str:
    return ", ".join(f"{span.service} {span.name}" for span in spans)


def _base64(found: re.Match[str]) -> str:
    return f'{found[1]}"{base64.b64encode(bytes.fromhex(found[2])).decode()}"'


def _attributes(attributes: object) -> dict[str, str]:
    return {one.key: _text(one.value) for one in attributes}  # type: ignore[attr-defined]


def _text(value: common_pb2.AnyValue) -> str:
    kind = value.WhichOneof("value")
    return str(getattr(value, kind)) if kind is not None else ""
