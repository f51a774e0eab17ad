"""What a database offers to the code that uses it, and which changes of it that code would notice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_COLUMNS = text("""
SELECT relname || '.' || attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS needed,
       atthasdef OR attidentity <> '' OR attgenerated <> '' AS filled
FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
""")
_RULES = text("""
SELECT relname || ': ' || pg_get_constraintdef(pg_constraint.oid) AS rule,
       CASE WHEN contype = 'c' THEN
         ARRAY(SELECT relname || '.' || attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY(conkey))
       END AS columns
FROM pg_constraint JOIN pg_class ON conrelid = pg_class.oid
WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'x')
UNION
SELECT pg_class.relname || ': unique ' || regexp_replace(pg_get_indexdef(indexrelid), '^.* USING ', ''), NULL
FROM pg_index JOIN pg_class ON indrelid = pg_class.oid
WHERE relnamespace = 'public'::regnamespace AND indisunique
""")
_FUNCTIONS = text("""
SELECT format('%s(%s) %s', proname, pg_get_function_arguments(oid), pg_get_function_result(oid)) AS function
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
""")
# What holds every value that the first does, and is read and written in the same way.
_WIDER = {("smallint", "integer"), ("smallint", "bigint"), ("integer", "bigint")}
_LIMITED = re.compile(r"character varying\((\d+)\)")


@dataclass(frozen=True)
class Column:
    """A column. needed: it is NOT NULL. filled: an INSERT may leave it out."""

    type: str
    needed: bool
    filled: bool


@dataclass(frozen=True)
class Schema:
    """The tables and functions of a database. Columns are named `table.column`; rules are `table: definition`."""

    columns: Mapping[str, Column]
    rules: Mapping[str, frozenset[str]]
    """Foreign keys, checks, and what is unique; for checks with the columns that they look at."""
    functions: frozenset[str]

    @property
    def tables(self) -> set[str]:
        return {name.partition(".")[0] for name in self.columns}


async def read_schema(connection: AsyncConnection) -> Schema:
    """The schema as the transaction sees it."""
    columns = {row.name: Column(row.type, row.needed, row.filled) for row in await connection.execute(_COLUMNS)}
    rules = {row.rule: frozenset(row.columns or ()) for row in await connection.execute(_RULES)}
    return Schema(columns, rules, frozenset((await connection.execute(_FUNCTIONS)).scalars()))


def noticed(before: Schema, after: Schema) -> Iterator[str]:
    """What code that was written for the schema `before` cannot do with `after` as it did. Triggers are not looked at: run the code."""
    for name, column in before.columns.items():
        now = after.columns.get(name)
        if now is None:
            yield f"{name} is gone"
        elif not _holds(column.type, now.type):
            yield f"{name} was {column.type} and is {now.type}"
        elif now.needed and not column.needed:
            yield f"{name} was nullable"
        elif column.filled and not now.filled:
            yield f"{name} had a default"
    for name in after.columns.keys() - before.columns.keys():
        if name.partition(".")[0] in before.tables and after.columns[name].needed and not after.columns[name].filled:
            yield f"{name} is NOT NULL without a default"
    for rule in after.rules.keys() - before.rules.keys():
        # That code leaves new columns as they are, so it breaks no rule about them alone.
        checked = after.rules[rule]
        if rule.partition(":")[0] in before.tables and not (checked and checked.isdisjoint(before.columns)):
            yield f"a new rule: {rule}"
    for rule in before.rules.keys() - after.rules.keys():
        # ON CONFLICT names it.
        if ": unique " in rule:
            yield f"no longer unique: {rule}"
    for function in before.functions - after.functions:
        yield f"{function} is gone or different"


def _holds(before: str, now: str) -> bool:
    old, new = _LIMITED.fullmatch(before), _LIMITED.fullmatch(now)
    longer = old is not None and (now in ("text", "character varying") or (new is not None and int(new[1]) >= int(old[1])))
    return before == now or longer or (before, now) in _WIDER
