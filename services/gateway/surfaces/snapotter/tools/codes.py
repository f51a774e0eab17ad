"""Tools for barcodes, and for drawings made of pictures."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from compat.snapotter.v1.code_tools_pb2 import BarcodeReadSettings, QrGenerateSettings, VectorizeSettings
from darkroom.operations.v1 import qr_code_pb2, vectorize_pb2
from darkroom.operations.v1.operation_pb2 import Operation
from darkroom.operations.v1.read_barcodes_pb2 import ReadBarcodes
from services.gateway.surfaces.snapotter.bodies import json_body
from services.gateway.surfaces.snapotter.calls.tool_calls import NO_FILE, PREVIEW
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.names import Name, download_path
from services.gateway.surfaces.snapotter.runs import RunRecord
from services.gateway.surfaces.snapotter.tool import Plan, Tool
from services.gateway.surfaces.snapotter.tool_settings import INVALID, settings_of
from services.gateway.surfaces.snapotter.tools.context import ToolContext, run_last_file, settings_in
from services.gateway.surfaces.snapotter.tools.writing import keep_format, round_half_up
from services.platform.identity import Identity

_LEVELS: Mapping[str, qr_code_pb2.QrErrorCorrection.ValueType] = {
    "L": qr_code_pb2.QR_ERROR_CORRECTION_L,
    "M": qr_code_pb2.QR_ERROR_CORRECTION_M,
    "Q": qr_code_pb2.QR_ERROR_CORRECTION_Q,
    "H": qr_code_pb2.QR_ERROR_CORRECTION_H,
}
_STYLES: Mapping[str, qr_code_pb2.QrStyle.ValueType] = {
    "squares": qr_code_pb2.QR_STYLE_SQUARES,
    "dots": qr_code_pb2.QR_STYLE_DOTS,
    "rounded": qr_code_pb2.QR_STYLE_ROUNDED,
}
_QUIET_ZONE = 2
_CURVES: Mapping[str, vectorize_pb2.TraceCurve.ValueType] = {
    "none": vectorize_pb2.TRACE_CURVE_PIXELS,
    "polygon": vectorize_pb2.TRACE_CURVE_POLYGON,
    "spline": vectorize_pb2.TRACE_CURVE_SPLINE,
}
_MOST_BITS = 8


def _barcode_read(settings: BarcodeReadSettings, _name: str) -> Plan:
    return Plan([Operation(read_barcodes=ReadBarcodes(quick=not settings.try_harder))])


async def _serve_barcodes(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """The texts of barcodes, and a picture of their places. If there are several files, the last one counts."""
    account_id = identity.account_id
    async with context.form(request, account_id, "last") as sent:
        if not sent.files:
            raise Refusal(400, NO_FILE)
        [file] = sent.files
        if file.problem:
            raise Refusal(400, f"Invalid image: {file.problem}")
        plan = tool.plan(settings_in(sent, tool), file.working_name)
        annotated = f"annotated-{Name.of(file.name).stem or 'image'}.png"
        kept = RunRecord(tool.id, [file.working_name], others=[annotated])
        run = await context.run(tool, request, account_id, [file.file_id], plan.operations, kept)
    found = await context.document(account_id, run)
    job_id, outlined = context.job_id(account_id, run), len(run.outputs) > 1
    paths = {"annotatedUrl": annotated, "previewUrl": PREVIEW}
    urls = {name: download_path(job_id, path) if outlined else None for name, path in paths.items()}
    return answer({"filename": file.sent_name} | found | urls)


def _qr_generate(settings: QrGenerateSettings, _name: str) -> Plan:
    code = qr_code_pb2.QrCode(
        text=settings.text or settings.data,
        size=round_half_up(settings.size),
        error_correction=_LEVELS[settings.error_correction_level or settings.error_correction],
        foreground=settings.color_dark or settings.foreground,
        background=settings.color_light or settings.background,
        quiet_zone=_QUIET_ZONE,
        style=_STYLES[settings.style],
    )
    return Plan([Operation(qr_code=code), keep_format()], name="qrcode.png")


async def _serve_qr(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    """The settings are the JSON body."""
    account_id = identity.account_id
    body = await json_body(request)
    if not isinstance(body, dict):
        raise Refusal(400, INVALID, details="must be an object")
    plan = tool.plan(settings_of(body, tool.settings), "")
    run = await context.run(tool, request, account_id, [], plan.operations, RunRecord(tool.id, [], plan.name))
    return answer(context.body(account_id, run))


def _vectorize(settings: VectorizeSettings, name: str) -> Plan:
    vectorize = vectorize_pb2.Vectorize(
        color=settings.color_mode == "color",
        threshold=round_half_up(settings.threshold),
        invert=settings.invert,
        color_precision=min(_MOST_BITS, round_half_up(settings.color_precision)),
        layer_difference=round_half_up(settings.layer_difference),
        filter_speckle=round_half_up(settings.filter_speckle),
        curve=_CURVES[settings.path_mode],
        corner_threshold=round_half_up(settings.corner_threshold),
    )
    return Plan([Operation(vectorize=vectorize)], name=f"{Name.of(name).stem}.svg")


async def _serve_drawing(context: ToolContext, tool: Tool, request: Request, identity: Identity) -> Response:
    file, run = await run_last_file(context, tool, request, identity)
    return answer(context.body(identity.account_id, run, file))


BARCODE_READ = Tool("barcode-read", BarcodeReadSettings, _barcode_read, failure_message="Barcode reading failed", serve=_serve_barcodes)
QR_GENERATE = Tool("qr-generate", QrGenerateSettings, _qr_generate, failure_message="QR code generation failed", serve=_serve_qr)
VECTORIZE = Tool("vectorize", VectorizeSettings, _vectorize, failure_message="Vectorization failed", serve=_serve_drawing)
