"""The words of stamped lines, and of documents' own lines: a development bank and a held-out one, which share no sentence.

Names, numbers, dates and addresses are drawn; `{}` fields are filled by `random_stamps`. A tuple is several lines below each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Text = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bank:
    """Sentences."""

    stamps: Sequence[Text]
    """How shops, libraries and companies say whose copy it is."""
    own: Sequence[Text]
    """What documents print on each of their pages themselves."""
    added: Sequence[Text]
    """What their owners add to finished pages, which belongs to them."""


DEVELOPMENT = Bank(
    stamps=(
        ("Downloaded by {name} on {date}",),
        ("Licensed to {name} <{mail}>", "Order {number}"),
        ("Dieses Exemplar gehört {name}, Bestellung {number}",),
        ("Copie réservée à {name} ({mail})",),
        ("{name} - {mail} - {number}",),
        ("Prepared for {name}, {organisation}, on {date}",),
        ("Access granted to {organisation} via {address} until {date}",),
        ("Esemplare personale di {name}, ordine {number}",),
        ("Customer {number}: {name}. Do not share.",),
        ("(c) Sample Books. This file is watermarked with the buyer's number {number}.",),
        ("IP {ip} {date} {time}",),
        ("Member copy of {name}; page {page} was printed {date}",),
    ),
    own=(
        ("Annual report {year}",),
        ("{organisation}, {mail}",),
        ("Released under CC BY 4.0, {year}",),
        ("Order form {number}, edition of {date}",),
    ),
    added=(
        ("Page {page} of 12",),
        ("CASE-{number}-{page}",),
        ("Minutes approved on {date}",),
    ),
)

HELD_OUT = Bank(
    stamps=(
        ("Authorised for {name} only ({mail}), purchase {number}",),
        ("Licence holder: {organisation}", "Reader: {name}", "Retrieved {date} {time}"),
        ("Gedruckt für {name} am {date} aus dem Normenportal der {organisation}",),
        ("Vendu à {name} le {date}. Toute diffusion est interdite.",),
        ("{mail} / {number} / {date}",),
        ("Esta copia pertenece a {name} (pedido {number})",),
        ("{organisation} user {name} obtained this document from {address} on {date}",),
        ("Not for redistribution. Issued to {name}, account {number}",),
        ("Provided by {organisation} to {ip} at {time} on {date}",),
        ("Egzemplarz kupiony przez: {name}, zamówienie {number}",),
        ("Personal edition - {name} - sharing is theft",),
        ("Uitsluitend bestemd voor {name}, klantnummer {number}",),
        ("{name} (Order #{number})",),
        ("Reprinted with permission for {organisation}. Copy {page} of {number}.",),
        ("Proprietary to {organisation}; user {mail}; exported {date}",),
        ("本文档仅供{name}使用 {date}",),
    ),
    own=(
        ("Technical note {number}, revised {date}",),
        ("Published for the members of {organisation}",),
        ("To order copies: {mail} or {address}",),
        ("Printed in {year} by {organisation}",),
        ("Accessed by Water: travels in {year}",),
        ("Licence no. {number} of the harbour board",),
    ),
    added=(
        ("{page}",),
        ("Exhibit {number}, sheet {page}",),
        ("{organisation} - {address} - {mail}",),
        ("doi:10.5555/{number} [stat.ME] {date}",),
        ("Seite {page}, Stand {date}",),
    ),
)
