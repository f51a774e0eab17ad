"""Rules of a bucket that decide what becomes of files without being asked: when objects expire, move or leave versions behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from services.files.config import FilesSettings
from services.files.domain.keys import FILES, UPLOADS
from services.files.s3_client import S3Client, StorageRefusal
from services.files.s3_xml import Element
from services.files.storage_findings import StorageFinding, ok, problem, warning
from services.platform.object_http import ObjectHttpError

_ABORT_DAYS = 8
"""The longest that upload URLs can be valid, and a day."""
_NO_RULES = "NoSuchLifecycleConfiguration"
# From these, an object is read at once.
_AT_ONCE = frozenset({"STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"})


async def check_rules(client: S3Client, settings: FilesSettings) -> list[StorageFinding]:
    """Findings about the bucket's lifecycle rules and versions, as far as the key may read them."""
    return [*await _lifecycle(client, settings), *await _versions(client)]


async def _lifecycle(client: S3Client, settings: FilesSettings) -> list[StorageFinding]:
    told, code = await _asked(client, "lifecycle")
    if told is None and code != _NO_RULES:
        return [ok(f"the bucket's lifecycle rules cannot be read ({code}): check them yourself")]
    return check_bucket_rules(told.all("Rule") if told is not None else [], settings)


def check_bucket_rules(rules: Sequence[Element], settings: FilesSettings) -> list[StorageFinding]:
    """Findings about lifecycle rules, as `GetBucketLifecycleConfiguration` gives them."""
    enabled = [rule for rule in rules if _is_enabled(rule)]
    found = [finding for rule in enabled for finding in _faults(rule, settings)]
    if not any(rule.find("AbortIncompleteMultipartUpload") and _reaches(rule, FILES) for rule in enabled):
        text = "no lifecycle rule aborts unfinished multipart uploads. Darkroom aborts them itself unless it loses track of one"
        found.append(warning(text, f"add a rule with AbortIncompleteMultipartUpload after {_ABORT_DAYS} days"))
    return found or [ok("lifecycle rules delete no file before Darkroom does")]


def _faults(rule: Element, settings: FilesSettings) -> Iterator[StorageFinding]:
    name = f"lifecycle rule {rule.value('ID', '') or 'without a name'}"
    expiration = rule.child("Expiration")
    days, date = _days(expiration, "Days"), expiration.value("Date", "")
    if (days is not None or date) and _reaches(rule, FILES):
        after = f"after {days.days} days" if days is not None else f"on {date[:10]}"
        kept = max(settings.output_life, settings.temporary_life)
        if days is None or days < kept:
            text = f"{name} deletes files {after}, and Darkroom keeps them for up to {kept / timedelta(days=1):g} days"
            yield problem(text, "remove it: Darkroom deletes expired files itself")
        else:
            text = f"{name} deletes files {after}, including permanent files and files of accounts that keep them longer"
            yield warning(text, "remove it: Darkroom deletes expired files itself")
    elif days is not None and _reaches(rule, UPLOADS) and days < settings.upload_deadline:
        yield problem(f"{name} deletes uploads after {days.days} days, while they can still be used", "remove it")
    for move in rule.all("Transition"):
        kind = move.value("StorageClass", "")
        if _reaches(rule, FILES) and kind not in _AT_ONCE:
            text = f"{name} moves files to {kind}, where they cannot be read immediately"
            yield problem(text, "remove it, or name a storage class with immediate access, such as INTELLIGENT_TIERING")
    abort = _days(rule.child("AbortIncompleteMultipartUpload"), "DaysAfterInitiation")
    if abort is not None and _reaches(rule, FILES) and abort < settings.upload_deadline:
        lasts = settings.upload_deadline / timedelta(days=1)
        yield problem(f"{name} ends multipart uploads after {abort.days} days; they may last {lasts:g}", f"set {_ABORT_DAYS} days or more")


async def _versions(client: S3Client) -> list[StorageFinding]:
    told, code = await _asked(client, "versioning")
    if told is None:
        return [ok(f"the versioning of the bucket cannot be read ({code}): check it yourself")]
    if told.find("Status") is None:
        return [ok("the bucket keeps no versions: deleted files are gone")]
    rules, code = await _asked(client, "lifecycle")
    if any(rule.find("NoncurrentVersionExpiration") and _is_enabled(rule) for rule in (rules.all("Rule") if rules is not None else [])):
        return [ok("the bucket keeps versions, and a lifecycle rule deletes old ones")]
    text = "the bucket keeps versions: deleted files still take space and can be read by anyone who may read versions"
    return [warning(text, "add a lifecycle rule with NoncurrentVersionExpiration after 1 day, or suspend versioning in an empty bucket")]


def _is_enabled(rule: Element) -> bool:
    return rule.value("Status", "") == "Enabled"


def _days(element: Element, name: str) -> timedelta | None:
    told = element.value(name, "")
    return timedelta(days=int(told)) if told else None


def _reaches(rule: Element, prefix: str) -> bool:
    """Whether a rule is about objects below the prefix. Darkroom gives its objects no tags."""
    chosen = rule.child("Filter")
    chosen = chosen.find("And") or chosen
    if chosen.find("Tag"):
        return False
    wanted = chosen.value("Prefix", rule.value("Prefix", ""))
    return prefix.startswith(wanted) or wanted.startswith(prefix)


async def _asked(client: S3Client, question: str) -> tuple[Element | None, str]:
    """The storage's answer about the bucket, or None and its error code: not every storage knows every question."""
    try:
        return (await client.send("GET", query={question: ""})).content, ""
    except StorageRefusal as error:
        return None, error.code
    except ObjectHttpError as error:
        return None, type(error).__name__
