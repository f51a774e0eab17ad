"""Commands about limits, people, sign-in links and usage."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from google.protobuf.json_format import MessageToDict

from services.accounts.config import AdministrationSettings
from services.accounts.domain.account_usage import UsageReport
from services.accounts.domain.accounts import Accounts
from services.accounts.domain.home import Home
from services.accounts.domain.passwords import Passwords, make_password
from services.accounts.domain.sign_in_links import LONGEST_MINUTES, LinkMaker
from services.accounts.domain.users import Users
from services.accounts.people import Person
from services.accounts.store.accounts import AccountStore
from services.accounts.store.buckets import BucketStore
from services.accounts.store.people import PeopleStore
from services.accounts.store.sign_in_links import LinkStore
from services.accounts.surfaces.native.usage import usage_message
from services.platform import administration
from services.platform.account_usage import RemoteUsage
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import IDENTITY_ISSUER, Signer
from services.platform.rpc.channel import Caller, channel

_DEFAULT = "default"
_MOST = 2**31 - 1
_MOST_REQUESTS = 1_000_000


def add_limits(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    limits = commands.add_parser("limits", help="set an account's own limits, or show them without options")
    limits.add_argument("--account", type=administration.identifier, required=True, help="the account's id")
    meaning = f"0 for no limit, '{_DEFAULT}' for the service's setting"
    for name, what in (("--request-rate", "all its keys"), ("--key-request-rate", "each of its keys")):
        limits.add_argument(name, type=_or_default(_rate), default=argparse.SUPPRESS, help=f"requests a second of {what}; {meaning}")
    for name, what in (("--max-keys", "maximum number of keys"), ("--max-streams", "maximum number of open streams and waiting calls")):
        limits.add_argument(name, type=_or_default(_count), default=argparse.SUPPRESS, help=f"{what}; {meaning}")


async def run_limits(options: argparse.Namespace, accounts: Accounts, settings: AdministrationSettings) -> dict[str, object]:
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


def add_people(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands and their options."""
    commands.add_parser("users", help="list the people who can sign in")
    reset = commands.add_parser(
        "reset-password",
        help="set a random password, which is shown only once and has to be changed, and end the person's sessions and keys",
    )
    reset.add_argument("name", metavar="NAME", help="the name that the person signs in with")


async def run_people(
    options: argparse.Namespace, database: Database, settings: AdministrationSettings, revoked: Callable[[int], None]
) -> object:
    """The people, or the one whose password has been set, to be shown. Raises USER_NOT_FOUND."""
    store = PeopleStore(database)
    home = Home(store, settings.people_account_id)
    if options.command == "users":
        account_id = await home.account_id()
        return [_shown(person) for person in (await store.people(account_id) if account_id is not None else ())]
    password = make_password()
    person = await Users(store, home, Passwords(), settings.people_rules, revoked).reset_password_of(options.name, password)
    return {**_shown(person), "password": password}


def _shown(person: Person) -> dict[str, str]:
    return {
        "id": person.public_id,
        "account_id": str(person.account_id),
        "name": person.name,
        "role": person.role,
        "team": person.team,
        "created_at": person.created_at.isoformat(),
    }


_MINUTES = 15


def add_link(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    link = commands.add_parser("create-sign-in-link", help="make a link that signs a person in once; it is shown only once")
    link.add_argument(
        "--user",
        metavar="NAME",
        help="the person's user name (default: the first administrator, who is added when the link is opened if there are no people yet)",
    )
    link.add_argument(
        "--minutes", type=_minutes, default=_MINUTES, help=f"how long the link is valid, 1 to {LONGEST_MINUTES} (default: %(default)s)"
    )


async def run_link(options: argparse.Namespace, database: Database, settings: AdministrationSettings) -> object:
    """The link, to be shown. Raises SIGN_IN_DISABLED, ACCOUNT_NOT_FOUND and USER_NOT_FOUND."""
    people = PeopleStore(database)
    maker = LinkMaker(LinkStore(database), people, Home(people, settings.people_account_id), settings.people_rules)
    made = await maker.make(options.user, options.minutes)
    return {
        "url": made.url(settings.public_url),
        "user": made.person.name if made.person is not None else None,
        "expires_at": made.expires_at.isoformat(),
    }


def _minutes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:5]) <= LONGEST_MINUTES):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {LONGEST_MINUTES}")
    return int(text)


def add_usage(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    usage = commands.add_parser("usage", help="show how much of its limits an account has used; the other services must be running")
    usage.add_argument("--account", type=administration.identifier, required=True, help="the account's id")


async def run_usage(options: argparse.Namespace, database: Database, settings: AdministrationSettings) -> dict[str, object]:
    """The account's usage, as `GetUsage` returns it, without the limit of a key. Raises UNAVAILABLE."""
    files, tasks, key = settings.files_address, settings.tasks_address, settings.signing_key_file
    if files is None or tasks is None or key is None:
        wanted = "DARKROOM_FILES_ADDRESS, DARKROOM_TASKS_ADDRESS and DARKROOM_SIGNING_KEY_FILE"
        raise DarkroomError(ErrorReason.UNAVAILABLE, f"usage asks the other services: set {wanted} as for the accounts service.")
    caller, store = Caller(Signer(IDENTITY_ISSUER, key)), AccountStore(database)
    async with channel(files, "files", settings.tls) as to_files, channel(tasks, "tasks", settings.tls) as to_tasks:
        parts = [RemoteUsage(to_files, caller).read, RemoteUsage(to_tasks, caller).read]
        report = UsageReport(store, BucketStore(database).remaining, settings.rate_rules, parts, max_keys=settings.max_keys)
        usage = usage_message(await report.of(options.account))
    found = MessageToDict(usage, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return {"account_id": str(options.account), **found}
