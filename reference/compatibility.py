"""Compares two OpenAPI documents, as `reference.openapi` writes them: what of the new one breaks a client of the old one.

A client sends what the old document allows, and reads what it promises. So a request may accept more, and a reply may contain more fields
and more values of an enum; neither may lose anything. Descriptions, examples and error statuses that are gone do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
Schema = Mapping[str, Any]

_UPPER = ("maxLength", "maximum", "maxItems", "maxProperties", "exclusiveMaximum")
_LOWER = ("minLength", "minimum", "minItems", "minProperties", "exclusiveMinimum")
_EXACT = ("pattern", "format", "contentEncoding", "contentMediaType", "propertyNames")


def breaking_changes(old: Document, new: Document) -> list[str]:
    """One line for each change that can break a client, without repetitions, in the order of the old document."""
    return list(dict.fromkeys(_Comparison(old, new).changes()))


class _Comparison:
    def __init__(self, old: Document, new: Document) -> None:
        self._old, self._new = old, new
        self._compared: set[tuple[str, str, bool]] = set()

    def changes(self) -> Iterator[str]:
        for path, verbs in self._old["paths"].items():
            for verb, operation in verbs.items():
                where = f"{verb.upper()} {path}"
                found = self._new["paths"].get(path, {}).get(verb)
                if found is None:
                    yield f"{where} is gone"
                else:
                    yield from self._operation(operation, found, where)
        # No call names what the events of a stream and webhooks hold.
        for name in self._old["components"]["schemas"]:
            if not any(name == compared for compared, *_ in self._compared):
                if name in self._new["components"]["schemas"]:
                    reference = {"$ref": f"#/components/schemas/{name}"}
                    yield from self._schema(reference, reference, name, reply=True)
                else:
                    yield f"{name} is gone"

    def _operation(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        yield from self._parameters(old, new, where)
        for scheme, scopes in ((scheme, scopes) for way in old["security"] for scheme, scopes in way.items()):
            if not any(way.keys() <= {scheme} and set(way.get(scheme, ())) <= set(scopes) for way in new["security"] or [{}]):
                yield f"{where}: a key as {scheme} with {scopes or 'no scope'} is not enough any more"
        if (not old["security"] or {} in old["security"]) and new["security"] and {} not in new["security"]:
            yield f"{where} needs a key now"
        body, accepted = old.get("requestBody", {}), new.get("requestBody", {})
        if accepted.get("required") and not body.get("required"):
            yield f"{where} needs a body now"
        yield from self._contents(body, accepted, f"{where}, body", reply=False)
        for status, response in old["responses"].items():
            if status in new["responses"]:
                yield from self._contents(response, new["responses"][status], f"{where}, {status}", reply=True)
            elif status < "400":
                yield f"{where} does not answer with {status} any more"

    def _parameters(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        before, after = self._listed(self._old, old), self._listed(self._new, new)
        for (place, name), parameter in before.items():
            if (found := after.get((place, name))) is None:
                yield f"{where}: {place} parameter {name} is gone"
            else:
                yield from self._schema(parameter["schema"], found["schema"], f"{where}: {place} parameter {name}", reply=False)
        for (place, name), parameter in after.items():
            if parameter.get("required") and not before.get((place, name), {}).get("required"):
                yield f"{where}: {place} parameter {name} is required now"

    @staticmethod
    def _listed(document: Document, operation: Schema) -> dict[tuple[str, str], Schema]:
        resolved = [_resolve(document, parameter)[1] for parameter in operation.get("parameters", ())]
        return {(parameter["in"], parameter["name"]): parameter for parameter in resolved}

    def _contents(self, old: Schema, new: Schema, where: str, *, reply: bool) -> Iterator[str]:
        for media_type, content in old.get("content", {}).items():
            found = new.get("content", {}).get(media_type)
            if found is None:
                yield f"{where}: {media_type} is gone"
            else:
                yield from self._schema(content.get("schema", {}), found.get("schema", {}), where, reply=reply)

    def _schema(self, old: Schema, new: Schema, where: str, *, reply: bool) -> Iterator[str]:
        """The changes of a schema; those of one with a name are reported once, under its name."""
        (old_name, old), (new_name, new) = _resolve(self._old, old), _resolve(self._new, new)
        if old_name and new_name:
            if (old_name, new_name, reply) in self._compared:
                return
            self._compared.add((old_name, new_name, reply))
            where = f"{old_name} in {'replies' if reply else 'requests'}"
        if old == new and "$ref" not in str(old):
            return
        if not _accepts(*((old, new) if reply else (new, old))):
            yield f"{where}: the type was {_type(old)}, and is {_type(new)}"
            return
        yield from self._values(old, new, where, reply=reply)
        yield from self._properties(old, new, where, reply=reply)
        for keyword in ("items", "additionalProperties"):
            before, after = old.get(keyword), new.get(keyword)
            if isinstance(before, dict) and isinstance(after, dict):
                yield from self._schema(before, after, f"{where}, each", reply=reply)
            elif keyword == "additionalProperties" and before is True and after is False and not reply:
                yield f"{where}: other fields are refused now"
        before, after = old.get("anyOf", []), new.get("anyOf", [])
        if len(before) != len(after):
            yield f"{where}: there were {len(before)} alternatives, and are {len(after)}"
        for one, other in zip(before, after, strict=False):
            yield from self._schema(one, other, where, reply=reply)

    def _properties(self, old: Schema, new: Schema, where: str, *, reply: bool) -> Iterator[str]:
        properties = new.get("properties", {})
        for name, schema in old.get("properties", {}).items():
            if name in properties:
                yield from self._schema(schema, properties[name], f"{where}.{name}", reply=reply)
            else:
                yield f"{where}.{name} is gone"
        before, after = set(old.get("required", ())), set(new.get("required", ()))
        if reply:
            yield from (f"{where}.{name} may be absent now" for name in sorted((before - after) & properties.keys()))
        else:
            yield from (f"{where}.{name} is required now" for name in sorted(after - before))

    @staticmethod
    def _values(old: Schema, new: Schema, where: str, *, reply: bool) -> Iterator[str]:
        if reply:
            if "const" in old and old["const"] != new.get("const"):
                yield f"{where} was always {old['const']!r}"
        else:
            before, after = _listed_values(old), _listed_values(new)
            if after is not None:
                yield from [f"{where}: another value than {', '.join(map(repr, after))} is refused now"] * (before is None)
                yield from (f"{where}: {value!r} is refused now" for value in before or () if value not in after)
            for keyword in (*_UPPER, *_LOWER):
                if keyword in new and (keyword not in old or _is_stricter(keyword, old[keyword], new[keyword])):
                    yield f"{where}: {keyword} was {old.get(keyword, 'not set')}, and is {new[keyword]}"
            if new.get("uniqueItems") and not old.get("uniqueItems"):
                yield f"{where}: items must differ now"
            if old.get("default") != new.get("default"):
                yield f"{where}: the default was {old.get('default', 'not set')}, and is {new.get('default', 'not set')}"
        for keyword in _EXACT:
            if old.get(keyword) != new.get(keyword) and (reply or keyword in new):
                yield f"{where}: {keyword} was {old.get(keyword, 'not set')}, and is {new.get(keyword, 'not set')}"


def _resolve(document: Document, schema: Schema) -> tuple[str, Schema]:
    """The schema that a reference leads to, with its name; a schema in place has none."""
    name = ""
    while reference := schema.get("$ref"):
        _, _, kind, name = reference.split("/")
        schema = document["components"][kind][name]
    return name, schema


def _type(schema: Schema) -> str:
    return str(schema.get("type", "any"))


def _accepts(wide: Schema, narrow: Schema) -> bool:
    """Whether each type of `narrow` is one of `wide`."""
    if "type" not in wide:
        return True
    types = [{schema["type"]} if isinstance(schema["type"], str) else set(schema["type"]) for schema in (wide, narrow) if "type" in schema]
    if len(types) < 2:
        return False
    return types[1] <= (types[0] | {"integer"} if "number" in types[0] else types[0])


def _listed_values(schema: Schema) -> list[Any] | None:
    """The values that are allowed; None if they are not listed."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _is_stricter(keyword: str, old: float, new: float) -> bool:
    return new < old if keyword in _UPPER else new > old
