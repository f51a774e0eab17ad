"""`python -m services.tasks policy`: an account's limits and its rank among others."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from services.tasks.model.records import Keep, PolicyChange
from services.tasks.store.policies import PolicyStore

_LARGEST = 2**31 - 1
_DEFAULT = "default"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    policy = commands.add_parser("policy", help="set an account's limits and priority, or show them without options")
    policy.add_argument("--account", type=_whole(1, 10**15 - 1), required=True, help="the account's id")
    policy.add_argument("--weight", type=_weight, help="share within its class: 2 gets two turns where 1 gets one (default 1)")
    policy.add_argument(
        "--class", dest="priority_class", type=_whole(-_LARGEST, _LARGEST), help="a higher class always goes first (default 0)"
    )
    limits = {
        "--max-open": "maximum number of open tasks",
        "--max-running": "maximum number of tasks offered or running at one time",
        "--max-webhooks": "maximum number of webhooks",
    }
    for name, what in limits.items():
        policy.add_argument(name, type=_limit, default=Keep.KEEP, help=f"{what}; 0 for none, '{_DEFAULT}' for the service's setting")


async def run(options: argparse.Namespace, policies: PolicyStore) -> dict[str, str | float | int | None]:
    """Make the change and return the policy, to be shown."""
    change = PolicyChange(options.weight, options.priority_class, options.max_open, options.max_running, options.max_webhooks)
    policy = await policies.change(options.account, change)
    return {
        "account_id": str(policy.account_id),
        "weight": policy.weight,
        "class": policy.priority_class,
        "max_open": policy.max_open,
        "max_running": policy.max_running,
        "max_webhooks": policy.max_webhooks,
        "open": policy.open,
        "running": policy.running,
    }


def _whole(least: int, most: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not between {least} and {most}")
        return value

    return whole


def _limit(text: str) -> int | None:
    return None if text == _DEFAULT else _whole(0, _LARGEST)(text)


def _weight(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}") from None
    if not 0.001 <= value <= 1000 or math.isnan(value):
        raise argparse.ArgumentTypeError(f"{text} is not between 0.001 and 1000")
    return value
