"""Content credentials as inspect_metadata describes them. Only for child processes, since files may be hostile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.inference.credentials.child import manifests_in
from services.inference.credentials.presence import has_credentials
from services.pictures.media_format import MediaFormat

_MOST_ACTIONS, _MOST_INGREDIENTS, _MOST_CODES, _LONGEST = 100, 50, 50, 500
_UNTRUSTED = "signingCredential.untrusted"


def credentials_in(content: bytes, format_: MediaFormat, trusted: str = "") -> dict[str, Any] | None:
    """The object `contentCredentials` of the message `InspectMetadata`; None for a file without."""
    if not has_credentials(content):
        return None
    store = manifests_in(content, format_.media_type, trusted)
    try:
        return {"state": "unreadable"} if store is None else described(store)
    except (KeyError, TypeError, AttributeError, ValueError):
        return {"state": "unreadable"}


def described(store: Mapping[str, Any]) -> dict[str, Any]:
    """The facts about the active manifest of a store in the form of the library. Raises KeyError and TypeError for what is none."""
    manifests = _object(store["manifests"])
    active = _object(manifests[store["active_manifest"]])
    codes = list(dict.fromkeys(_failures(store)))
    actions = [each for assertion in _list(active.get("assertions")) for each in _actions(assertion)]
    ingredients = _list(active.get("ingredients"))
    said: dict[str, Any] = {
        "state": _state(store.get("validation_state"), codes),
        "codes": codes[:_MOST_CODES],
        "claimGenerator": _generator(active),
        "title": _text(active.get("title")),
        "signer": _signer(_object(active.get("signature_info") or {})),
        "actions": [_action(each) for each in actions[:_MOST_ACTIONS]],
        "ingredients": [_ingredient(_object(each), manifests) for each in ingredients[:_MOST_INGREDIENTS]],
        "manifests": len(manifests),
    }
    if len(actions) > _MOST_ACTIONS:
        said["actionCount"] = len(actions)
    if len(ingredients) > _MOST_INGREDIENTS:
        said["ingredientCount"] = len(ingredients)
    return {name: value for name, value in said.items() if value is not None}


def _state(validation: object, codes: list[str]) -> str:
    """`Trusted` and `Valid` are the library's; it calls intact what nobody trusts `Valid`."""
    if validation == "Trusted":
        return "trusted"
    return "untrusted" if validation == "Valid" or codes == [_UNTRUSTED] else "invalid"


def _failures(store: Mapping[str, Any]) -> Iterator[str]:
    results = _object(store.get("validation_results") or {})
    yield from _codes(_object(results.get("activeManifest") or {}))
    for delta in _list(results.get("ingredientDeltas")):
        yield from _codes(_object(_object(delta).get("validationDeltas") or {}))


def _codes(results: Mapping[str, Any]) -> Iterator[str]:
    for failure in _list(results.get("failure")):
        if code := _text(_object(failure).get("code")):
            yield code


def _actions(assertion: object) -> list[Mapping[str, Any]]:
    label = str(_object(assertion).get("label"))
    if not label.startswith("c2pa.actions"):
        return []
    return [_object(each) for each in _list(_object(_object(assertion).get("data") or {}).get("actions"))]


def _action(action: Mapping[str, Any]) -> dict[str, str]:
    agent = action.get("softwareAgent")
    source = _text(action.get("digitalSourceType"))
    said = {
        "action": _text(action.get("action")),
        "digitalSourceType": source.rpartition("/")[2] if source else None,
        "softwareAgent": _named(agent) if isinstance(agent, dict) else _text(agent),
        "description": _text(action.get("description")),
        "when": _text(action.get("when")),
    }
    return {name: value for name, value in said.items() if value}


def _ingredient(ingredient: Mapping[str, Any], manifests: Mapping[str, Any]) -> dict[str, str]:
    said = {name: _text(ingredient.get(name)) for name in ("title", "format", "relationship")}
    own = manifests.get(str(ingredient.get("active_manifest")))
    if isinstance(own, dict):
        said["claimGenerator"] = _generator(own)
        results = _object(_object(ingredient.get("validation_results") or {}).get("activeManifest") or {})
        codes = list(_codes(results))
        trusted = any(_object(each).get("code") == "signingCredential.trusted" for each in _list(results.get("success")))
        said["state"] = "invalid" if set(codes) - {_UNTRUSTED} else "trusted" if trusted and not codes else "untrusted"
    return {name: value for name, value in said.items() if value}


def _signer(said: Mapping[str, Any]) -> dict[str, str] | None:
    names = {"name": "common_name", "organization": "issuer", "algorithm": "alg", "time": "time"}
    found = {name: text for name, key in names.items() if (text := _text(said.get(key)))}
    return found or None


def _generator(manifest: Mapping[str, Any]) -> str | None:
    for each in _list(manifest.get("claim_generator_info")):
        return _named(_object(each))
    return _text(manifest.get("claim_generator"))


def _named(said: Mapping[str, Any]) -> str | None:
    """A program's name and version."""
    texts = [text for name in ("name", "version") if (text := _text(said.get(name)))]
    return " ".join(texts)[:_LONGEST] or None


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no object")
    return value


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value[:_LONGEST] if isinstance(value, str) and value else None
