"""What is found by how it begins, or by a piece of it, for all parameters of a resource in one index.

PostgreSQL finds the beginning of an array's entries by index in one kind of value only, a tsvector, whose words may
be any text. So one column of it, `lookup`, has an entry for each such text, after the name of the parameter's column:

    name, US, virtanen                the beginning of a folded text (`values/string.py`), of a code's display, of a URL
    name, RS, vir                     three characters that follow each other in a folded text, for `:contains`
    name, RS                          there are more of them than are kept, so any text may be there
    subject, GS, urn:a|1              an entry (`values/token.py`) of the identifier that a reference names

Folded texts hold none of the separators. https://www.postgresql.org/docs/current/datatype-textsearch.html
"""

from collections.abc import Iterable

BEGINS, PIECE, IDENTIFIED = "\x1f", "\x1e", "\x1d"

LONGEST = 200
"""Characters of a text that are kept, and so how long a beginning may be asked for."""

MOST_PIECES = 600
"""Of one parameter of one resource."""

MOST_BYTES = 900_000
"""Of all entries of one resource: a tsvector holds 1 MiB, and does not say when it is full. What comes after is not
found."""


def beginning(column: str, text: str) -> str:
    """The entry of a text, or what entries of texts that begin so begin with."""
    return f"{column}{BEGINS}{text[:LONGEST]}"


def identified(column: str, entry: str) -> str:
    """The entry of an identifier's token entry."""
    return f"{column}{IDENTIFIED}{entry}"


def pieces(column: str, text: str) -> list[str]:
    """The entries of a folded text's pieces, each once; none for a text too short to have one."""
    mark = column + PIECE
    return [mark + each for each in dict.fromkeys(text[at : at + 3] for at in range(len(text) - 2))]


def some_pieces(column: str, texts: Iterable[str]) -> list[str]:
    """The same of several texts together, up to a limit that the last entry tells of."""
    found: dict[str, None] = {}
    for text in texts:
        found.update(dict.fromkeys(pieces(column, text)))
        if len(found) > MOST_PIECES:
            return [*list(found)[:MOST_PIECES], overflow(column)]
    return list(found)


def overflow(column: str) -> str:
    """The entry that stands for pieces which are not kept."""
    return column + PIECE


def within_limit(entries: Iterable[str]) -> list[str]:
    """The entries, each once, as many as fit."""
    found = list(dict.fromkeys(entries))
    if 4 * sum(map(len, found)) <= MOST_BYTES:  # no character takes more than four bytes
        return found
    kept, bytes = [], 0
    for each in found:
        bytes += len(each.encode())
        if bytes > MOST_BYTES:
            break
        kept.append(each)
    return kept


def begins(entries: Iterable[str] | None, starts: Iterable[str]) -> bool:
    """Whether one of the entries begins with one of the starts."""
    wanted = tuple(starts)
    return any(entry.startswith(wanted) for entry in entries or ())


def query(alternatives: Iterable[Iterable[str]], *, prefix: bool = False) -> str:
    """A tsquery, as text: one of the alternatives, each all of its entries, as they are or as beginnings."""
    mark = ":*" if prefix else ""
    return " | ".join(" & ".join(f"{_quoted(each)}{mark}" for each in entries) for entries in alternatives)


def _quoted(entry: str) -> str:
    doubled = entry.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"
