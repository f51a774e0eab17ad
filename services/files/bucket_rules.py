"""Rules of a bucket that decide what becomes of files without being asked: when objects expire, move or leave versions behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from services.files.config import FilesSettings
from services.files.domain.keys import FILES, UPLOADS
from services.files.storage_findings import StorageFinding, ok, problem, warning

_ABORT_DAYS = 8
"""The longest that upload URLs can be valid, and a day."""
_NO_RULES = "NoSuchLifecycleConfiguration"
# From these, an object is read at once.
_AT_ONCE = frozenset({"STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"})


async def check_rules(client: Any, settings: FilesSettings) -> list[StorageFinding]:
    """Findings about the bucket's lifecycle rules and versions, as far as the key may read them."""
    return [*await _lifecycle(client, settings), *await _versions(client, settings.s3_bucket)]


async def _lifecycle(client: Any, settings: FilesSettings) -> list[StorageFinding]:
    rules, code = await _asked(client.get_bucket_lifecycle_configuration, settings.s3_bucket)
    if rules is None and code != _NO_RULES:
        return [ok(f"the bucket's lifecycle rules cannot be read ({code}): check them yourself")]
    return check_bucket_rules((rules or {}).get("Rules", []), settings)


def check_bucket_rules(rules: Sequence[Mapping[str, Any]], settings: FilesSettings) -> list[StorageFinding]:
    """Findings about lifecycle rules, as `GetBucketLifecycleConfiguration` gives them."""
    enabled = [rule for rule in rules if rule.get("Status") == "Enabled"]
    found = [finding for rule in enabled for finding in _faults(rule, settings)]
    if not any("AbortIncompleteMultipartUpload" in rule and _reaches(rule, FILES) for rule in enabled):
        text = "no lifecycle rule aborts unfinished multipart uploads. Darkroom aborts them itself unless it loses track of one"
        found.append(warning(text, f"add a rule with AbortIncompleteMultipartUpload after {_ABORT_DAYS} days"))
    return found or [ok("lifecycle rules delete no file before Darkroom does")]


def _faults(rule: Mapping[str, Any], settings: FilesSettings) -> Iterator[StorageFinding]:
    name = f"lifecycle rule {rule.get('ID') or 'without a name'}"
    expiration = rule.get("Expiration", {})
    if ("Days" in expiration or "Date" in expiration) and _reaches(rule, FILES):
        after = f"after {expiration['Days']} days" if "Days" in expiration else f"on {expiration['Date']:%Y-%m-%d}"
        kept = max(settings.output_life, settings.temporary_life)
        if "Date" in expiration or timedelta(days=expiration["Days"]) < kept:
            text = f"{name} deletes files {after}, and Darkroom keeps them for up to {kept / timedelta(days=1):g} days"
            yield problem(text, "remove it: Darkroom deletes expired files itself")
        else:
            text = f"{name} deletes files {after}, including permanent files and files of accounts that keep them longer"
            yield warning(text, "remove it: Darkroom deletes expired files itself")
    elif "Days" in expiration and _reaches(rule, UPLOADS) and timedelta(days=expiration["Days"]) < settings.upload_deadline:
        yield problem(f"{name} deletes uploads after {expiration['Days']} days, while they can still be used", "remove it")
    for move in rule.get("Transitions", []):
        if _reaches(rule, FILES) and move.get("StorageClass") not in _AT_ONCE:
            text = f"{name} moves files to {move.get('StorageClass')}, where they cannot be read immediately"
            yield problem(text, "remove it, or name a storage class with immediate access, such as INTELLIGENT_TIERING")
    abort = rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
    if abort is not None and _reaches(rule, FILES) and timedelta(days=abort) < settings.upload_deadline:
        lasts = settings.upload_deadline / timedelta(days=1)
        yield problem(f"{name} ends multipart uploads after {abort} days; they may last {lasts:g}", f"set {_ABORT_DAYS} days or more")


async def _versions(client: Any, bucket: str) -> list[StorageFinding]:
    told, code = await _asked(client.get_bucket_versioning, bucket)
    if told is None:
        return [ok(f"the versioning of the bucket cannot be read ({code}): check it yourself")]
    if "Status" not in told:
        return [ok("the bucket keeps no versions: deleted files are gone")]
    rules, code = await _asked(client.get_bucket_lifecycle_configuration, bucket)
    if any("NoncurrentVersionExpiration" in rule and rule.get("Status") == "Enabled" for rule in (rules or {}).get("Rules", [])):
        return [ok("the bucket keeps versions, and a lifecycle rule deletes old ones")]
    text = "the bucket keeps versions: deleted files still take space and can be read by anyone who may read versions"
    return [warning(text, "add a lifecycle rule with NoncurrentVersionExpiration after 1 day, or suspend versioning in an empty bucket")]


def _reaches(rule: Mapping[str, Any], prefix: str) -> bool:
    """Whether a rule is about objects below the prefix. Darkroom gives its objects no tags."""
    chosen = rule.get("Filter") or {}
    chosen = chosen.get("And") or chosen
    if "Tag" in chosen or chosen.get("Tags"):
        return False
    wanted = str(chosen.get("Prefix", rule.get("Prefix", "")))
    return prefix.startswith(wanted) or wanted.startswith(prefix)


async def _asked(call: Callable[..., Awaitable[Any]], bucket: str) -> tuple[Any, str]:
    """The storage's answer about a bucket, or None and its error code: not every storage knows every question."""
    try:
        return await call(Bucket=bucket), ""
    except ClientError as error:
        return None, str(error.response.get("Error", {}).get("Code", "")) or "no reason given"
    except BotoCoreError as error:
        return None, type(error).__name__
