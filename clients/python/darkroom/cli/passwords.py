"""Passwords: asked for without echo, read from standard input, or made up. They are never arguments, which other users can see."""

from __future__ import annotations

import getpass
import secrets
import string
import sys
from typing import Annotated

import typer

from darkroom.cli.exits import INTERRUPTED, errors, tell, usage

_RULE = "A password has 8 characters or more, with an upper-case letter, a lower-case letter and a digit."
# Without those that look alike.
_KINDS = ["".join(sorted(set(kind) - set("0O1lI"))) for kind in (string.ascii_uppercase, string.ascii_lowercase, string.digits)]
_LENGTH = 20

FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")]
Generate = Annotated[bool, typer.Option("--generate", "-g", help="Generate a password and print it. It is shown only once.")]


def ask(what: str) -> str:
    """The user's input in the terminal, without echo."""
    if not sys.stdin.isatty():
        raise usage(f"there is no terminal to ask for the {what}; use --password-stdin")
    try:
        return getpass.getpass(f"{what[:1].upper()}{what[1:]}: ")
    except (KeyboardInterrupt, EOFError):
        print(file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


def asked_twice() -> str:
    """A new password, typed twice the same."""
    if sys.stdin.isatty():
        errors.print(_RULE)
    while True:
        password = ask("new password")
        if password == ask("new password again"):
            return password
        tell("the two passwords differ")


def line(what: str = "password") -> str:
    """The next line of standard input."""
    if sys.stdin.isatty():
        raise usage(f"--password-stdin reads the {what} from a pipe or a file, but standard input is the terminal")
    try:
        text = sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise usage(f"the {what} in standard input is not UTF-8 text") from None
    if not text:
        raise usage(f"there is no {what} in standard input")
    return text


def new_one(*, stdin: bool, generate: bool) -> str:
    """A new password for somebody: from standard input, made up, or asked for."""
    if stdin and generate:
        raise usage("either --password-stdin or --generate")
    if generate:
        return made_up()
    return line() if stdin else asked_twice()


def made_up() -> str:
    """A random password of letters and digits, that no rule refuses: 115 bits or more."""
    while True:
        password = "".join(secrets.choice("".join(_KINDS)) for _ in range(_LENGTH))
        if all(set(password) & set(kind) for kind in _KINDS):
            return password
