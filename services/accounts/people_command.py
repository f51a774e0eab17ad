"""`python -m services.accounts users` and `reset-password`: for an operator who has been locked out."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from services.accounts.config import AdministrationSettings
from services.accounts.domain.home import Home
from services.accounts.domain.passwords import Passwords, make_password
from services.accounts.domain.users import Users
from services.accounts.people import Person
from services.accounts.store.people import PeopleStore
from services.platform.database import Database


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands and their options."""
    commands.add_parser("users", help="list the people who can sign in")
    reset = commands.add_parser(
        "reset-password", help="give a person a random password, which is shown this once and has to be changed; sessions and keys end"
    )
    reset.add_argument("name", metavar="NAME", help="the name that the person signs in with")


async def run(options: argparse.Namespace, database: Database, settings: AdministrationSettings, revoked: Callable[[int], None]) -> object:
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
