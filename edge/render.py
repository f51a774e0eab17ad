"""`python -m edge.render --out DIR …`: write Envoy's configuration."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ValidationError
from pydantic_settings import CliApp

from edge import console, failures, pages, routes
from edge.addresses import Address, Endpoint, Upstream
from edge.bodies import fields_of_bodies, transcoded_descriptors
from edge.page import Page
from edge.settings import EdgeSettings
from edge.shapes import lists, shapes
from edge.topology import AUTHORIZER, STOREKEEPER
from reference import llms
from services.pictures.operation_calls import suggested_paths
from services.platform.rpc import catalogue

Served = TypeVar("Served", Page, pages.Redirect)

_TEMPLATES = Path(__file__).parent / "envoy"
# Messages of the component `http` quote whole URLs, with the signatures of presigned ones; what happened is in the access log.
_LOGGING = ("--log-level", "warning", "--component-log-level", "http:critical")


def render(settings: EdgeSettings) -> Path:
    """Write `envoy.json`, its Lua and `descriptors.pb` to `settings.out` and return the path of the first. The edge serves the
    compatibility surfaces that the settings name.

    `arguments` starts Envoy with it. Raises FileNotFoundError when Swagger UI has not been fetched, and
    CatalogueError or LookupError when the protos cannot be served, for example when two methods take the same path.
    """
    with catalogue.offering(settings.offered_surfaces):
        return _render(settings)


def _render(settings: EdgeSettings) -> Path:
    # Checked before anything is written.
    paths, remainders, upstreams = routes.paths(), routes.remainders(), {name: settings.upstream(name) for name in routes.upstreams()}
    authorization = Upstream.parse(settings.authorization_address)
    treatments = [how for path in paths if isinstance(path, routes.KnownPath) for how in path.treatments]
    # Their dozens of files are no other request's business.
    apart = dict.fromkeys((console.PREFIX, llms.PREFIX), routes.PathGroup([], []))
    groups = {**routes.path_groups(paths, remainders), **apart}
    handed_on = any(one.handed_on for one in remainders)
    out = settings.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    transcoded = routes.transcoded_services()
    (out / "descriptors.pb").write_bytes(transcoded_descriptors(transcoded).SerializeToString())
    written = pages.write(out / "pages", settings.storage_origin)
    bucket = re.escape(f"/{settings.s3_bucket}")
    values = {
        "settings": settings,
        "out": str(out),
        "listen": Address.parse(settings.edge_listen),
        "metrics_listen": Address.parse(settings.edge_metrics_listen) if settings.edge_metrics_listen else None,
        "worker_listen": Address.parse(settings.edge_worker_listen) if settings.edge_worker_listen else None,
        "worker_targets": settings.worker_targets,
        "upstreams": upstreams,
        "authorization": authorization,
        "authorizer": AUTHORIZER,
        "storekeeper": STOREKEEPER,
        "replicated": any(one.is_several for one in (authorization, *upstreams.values())),
        "forms": settings.upstream(routes.GATEWAY) if handed_on or any(how.form for how in treatments) else None,
        # The largest file, and as much around it as any other body may have.
        "form_limit": min(settings.edge_upload_limit + settings.edge_body_limit, 2**32 - 1),
        "storage": Endpoint.parse(settings.routed_storage) if settings.routed_storage else None,
        "collector": Endpoint.parse(settings.otlp_endpoint) if settings.otlp_endpoint else None,
        "sampled_per_million": round(settings.trace_ratio * 1_000_000),
        "object_path": f"{bucket}/[^/].*",
        "bucket_path": f"{bucket}(/.*)?",
        "bucket_prefix": f"^{bucket}/",
        "transcoded": transcoded,
        "largest_body": max(settings.edge_body_limit, *(how.max_request_bytes for how in treatments)),
        "verbs": routes.verbs(),
        "path_groups": groups,
        "downloads": routes.downloads(),
        "absent_objects": failures.absent_objects(),
        "key_headers": list(catalogue.key_headers()),
        "request_headers": list(dict.fromkeys(name for surface in catalogue.surfaces() for name in surface.request_headers)),
        "exposed_headers": routes.exposed_headers(),
        "refusal_headers": routes.error_headers(),
        "service_routes": routes.service_routes(),
        "reflector": routes.REFLECTOR,
        "pages_of": _grouped(written, groups),
        "redirects_of": _grouped(pages.redirects(), groups),
        "largest_page": max(page.file.stat().st_size for page in written),
        "mappers": failures.mappers(),
        "surfaces": failures.surface_errors(),
        "shapes": shapes(),
        "lists": lists(),
        "public_authorities": "/etc/ssl/certs/ca-certificates.crt",
        "operation_paths": {collection: suggested_paths(collection) for collection in ("images", "pdfs")},
        "refusals": failures.upload_refusals(),
        "fields": fields_of_bodies(),
    }
    for name in ("errors.lua", "presigned.lua", "unknown_fields.lua", *(["tls.yaml"] if settings.tls_dir else [])):
        (out / name).write_text(_templates().get_template(f"{name}.j2").render(values))
    # To read it as YAML, Envoy takes 24 MiB more, most of which it keeps.
    configuration = yaml.load(_templates().get_template("envoy.yaml.j2").render(values), yaml.CSafeLoader)
    (out / "envoy.json").write_text(json.dumps(configuration))
    return out / "envoy.json"


def _grouped(found: Sequence[Served], prefixes: Collection[str]) -> dict[str | None, list[Served]]:
    """Pages or redirects by the prefix whose routes Envoy compares their paths with; None for the routes of all else."""

    def group(one: Served) -> str | None:
        return max((prefix for prefix in prefixes if one.path.startswith(prefix)), key=len, default=None)

    return {prefix: [one for one in found if group(one) == prefix] for prefix in (None, *prefixes)}


@cache
def _templates() -> Environment:
    # No escaping for HTML: this is YAML and Lua, and values pass `tojson`.
    templates = Environment(  # noqa: S701
        loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    templates.filters["tojson"] = _json
    return templates


def _json(value: object) -> str:
    """JSON is valid YAML; Jinja's own filter would escape for HTML."""
    return json.dumps(value, ensure_ascii=False)


def main() -> None:
    """The command line."""
    try:
        settings = CliApp.run(EdgeSettings)
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = str(problem["loc"][0]) if problem["loc"] else ""
            print(f"--{name.replace('_', '-')} (DARKROOM_{name.upper()}): {problem['msg']}", file=sys.stderr)
        raise SystemExit(2) from None
    print(render(settings))


def arguments(configuration: Path) -> tuple[str, ...]:
    """Arguments of `envoy` for a rendered configuration."""
    return ("-c", str(configuration), "--disable-hot-restart", *_LOGGING)


if __name__ == "__main__":
    main()
