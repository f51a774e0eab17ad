"""The signers of URLs, by the settings."""

from __future__ import annotations

from services.files.config import BucketSettings
from services.files.presign import Presigner


def internal_urls(settings: BucketSettings) -> Presigner:
    """Signs URLs for services and workers."""
    return _presigner(settings, settings.s3_endpoint)


def public_urls(settings: BucketSettings) -> Presigner:
    """Signs URLs for clients."""
    if settings.s3_signed_for == "storage":
        return _presigner(settings, settings.s3_endpoint, behind=settings.s3_public_endpoint)
    return _presigner(settings, settings.s3_public_endpoint)


def _presigner(settings: BucketSettings, endpoint: str, behind: str | None = None) -> Presigner:
    secret = settings.s3_secret_key.get_secret_value()
    return Presigner(endpoint, settings.s3_bucket, settings.s3_region, settings.s3_access_key, secret, settings.s3_addressing, behind)
