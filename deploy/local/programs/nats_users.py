"""The users of a stack's NATS server. The rights of each service are in `deploy/installation/nats_users.py`."""

from __future__ import annotations

from deploy.installation.nats_users import rights_of, user
from deploy.local.config import StackConfig
from deploy.local.credentials import OPERATOR
from edge.topology import SERVICES


def scratch_user(number: int) -> str:
    """The user of one of the accounts besides that of the services; they are numbered from 1."""
    return f"scratch-{number}"


def users(config: StackConfig) -> str:
    """The part of the server's configuration with its users: one without limits, one for each service, and those of further accounts."""
    passwords = config.credentials.nats_users
    limited = [user(name, passwords[name], rights_of(name)) for name in SERVICES]
    services = "\n".join(("[", *(f"  {one}" for one in (user(OPERATOR, config.credentials.nats, None), *limited)), "]"))
    if not config.settings.nats_accounts:
        # In the global account, where the streams of every other stack are.
        return f"authorization {{ users: {services} }}"
    scratch = (scratch_user(number) for number in range(1, config.settings.nats_accounts + 1))
    own = (f'  "{name}" {{ jetstream: enabled, users: [{user(name, config.credentials.nats, None)}] }}' for name in scratch)
    return "\n".join(("accounts {", f'  "darkroom" {{ jetstream: enabled, users: {services} }}', *own, "}"))
