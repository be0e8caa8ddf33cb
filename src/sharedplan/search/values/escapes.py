r"""Escaping in search values: `\,` `\|` `\$` and `\\` stand for the character itself.

https://hl7.org/fhir/R4/search.html#escaping
"""

import re

_ESCAPED = re.compile(r"\\([\\,|$])")
_PIECE = {
    ",": re.compile(r"(?:\\.|[^\\,])*", re.DOTALL),
    "|": re.compile(r"(?:\\.|[^\\|])*", re.DOTALL),
    "$": re.compile(r"(?:\\.|[^\\$])*", re.DOTALL),
}


def split(text: str, separator: str) -> list[str]:
    """The parts between separators that are not escaped; each part is still escaped."""
    if "\\" not in text:
        return text.split(separator)
    parts, at, piece = [], 0, _PIECE[separator]
    while True:
        found = piece.match(text, at)
        end = found.end() if found else at
        if end < len(text) and text[end] != separator:  # a lone backslash at the very end
            end = len(text)
        parts.append(text[at:end])
        if end >= len(text):
            return parts
        at = end + 1


def plain(text: str) -> str:
    """The text with its escapes resolved; a backslash before any other character is itself."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text
