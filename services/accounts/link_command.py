"""`python -m services.accounts create-sign-in-link`: a link with which somebody signs in once in a browser."""

from __future__ import annotations

import argparse

from services.accounts.config import AdministrationSettings
from services.accounts.domain.home import Home
from services.accounts.domain.sign_in_links import LONGEST_MINUTES, LinkMaker
from services.accounts.store.people import PeopleStore
from services.accounts.store.sign_in_links import LinkStore
from services.platform.database import Database

_MINUTES = 15


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    link = commands.add_parser("create-sign-in-link", help="make a link that signs a person in once; it is shown this once")
    link.add_argument(
        "--user",
        metavar="NAME",
        help="the name that the person signs in with; without it, the first administrator, whom opening the link adds if nobody is there",
    )
    link.add_argument(
        "--minutes", type=_minutes, default=_MINUTES, help=f"how long the link is good for, 1 to {LONGEST_MINUTES} (default: %(default)s)"
    )


async def run(options: argparse.Namespace, database: Database, settings: AdministrationSettings) -> object:
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
