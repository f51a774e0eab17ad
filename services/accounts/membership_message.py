"""The reply to a worker, as the message that both its ways in use."""

from __future__ import annotations

from darkroom.internal.accounts.v1 import membership_service_pb2 as pb
from services.accounts.domain.workers import Membership


def membership_message(membership: Membership) -> pb.Membership:
    message = pb.Membership(
        worker=membership.worker.urn,
        authority=membership.authority,
        certificate=membership.worker.certificate,
        delegation=membership.delegation,
        trusted_keys=membership.trusted_keys,
    )
    message.certificate_end_time.FromDatetime(membership.worker.certificate_expires_at)
    message.delegation_end_time.FromDatetime(membership.delegation_ends)
    return message
