"""`python -m services.accounts limits`: how many requests an account may make, and how many keys and streams it may have."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from services.accounts.config import AdministrationSettings
from services.accounts.domain.accounts import Accounts
from services.platform import administration

_DEFAULT = "default"
_MOST = 2**31 - 1
_MOST_REQUESTS = 1_000_000


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    limits = commands.add_parser("limits", help="set an account's own limits; without options, show them")
    limits.add_argument("--account", type=administration.identifier, required=True, help="the account's id")
    meaning = f"0 for no limit, '{_DEFAULT}' for the service's setting"
    for name, what in (("--request-rate", "all its keys"), ("--key-request-rate", "each of its keys")):
        limits.add_argument(name, type=_or_default(_rate), default=argparse.SUPPRESS, help=f"requests a second of {what}; {meaning}")
    for name, what in (("--max-keys", "keys that it may have"), ("--max-streams", "streams that it may have open at one process")):
        limits.add_argument(name, type=_or_default(_count), default=argparse.SUPPRESS, help=f"{what}; {meaning}")


async def run(options: argparse.Namespace, accounts: Accounts, settings: AdministrationSettings) -> dict[str, object]:
    """Make the change. Returns the limits that apply, and which of them are the account's own."""
    names = {
        "request_rate": settings.rate_limit_account,
        "key_request_rate": settings.rate_limit_key,
        "max_keys": settings.max_keys,
        "max_streams": settings.max_streams_per_account,
    }
    own = await accounts.set_limits(options.account, {name: getattr(options, name) for name in names if name in options})
    found = {name: getattr(own, name) for name in names}
    applied: dict[str, object] = {name: default if found[name] is None else found[name] for name, default in names.items()}
    return {"account_id": str(options.account), **applied, "own": [name for name in names if found[name] is not None]}


def _or_default(parse: Callable[[str], float]) -> Callable[[str], float | None]:
    return lambda text: None if text == _DEFAULT else parse(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}") from None
    if math.isnan(rate) or not 0 <= rate <= _MOST_REQUESTS:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {_MOST_REQUESTS}")
    return rate


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:11]) > _MOST:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {_MOST}, not {text!r}")
    return int(text)
