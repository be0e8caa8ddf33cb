"""Preconditions: ETags, If-Match, If-None-Match and If-Modified-Since, once for all interactions.

https://hl7.org/fhir/R4/http.html#concurrency, https://hl7.org/fhir/R4/http.html#cread,
https://www.rfc-editor.org/rfc/rfc7232

FHIR compares weak and strong tags alike: `W/"3"` and `"3"` both name version 3.
"""

import re
from datetime import datetime

from sharedplan.errors import Incorrect, PreconditionNeeded, Refused, VersionMismatch
from sharedplan.fhir.exchanges import Asked
from sharedplan.store.versions import Version

ANY = "*"

_BARE = re.compile(r"[ \t]*([0-9]{1,9})[ \t]*")
_TAG = re.compile(r'[ \t]*(?:W/)?"([!#-~\x80-\xff]*)"[ \t]*(?:,|$)')


def tags(header: str, name: str) -> tuple[str, ...]:
    """The version ids that an If-Match or If-None-Match names; ("*",) for any version.

    Raises Incorrect for anything but `*` and a list of entity tags.
    """
    if header.strip() == ANY:
        return (ANY,)
    found: list[str] = []
    end = 0
    while end < len(header) or not found:
        tag = _TAG.match(header, end)
        if tag is None:
            raise Incorrect(f'{name} is * or entity tags as W/"3", not {header[:100]!r}')
        found.append(tag[1])
        end = tag.end()
    return tuple(found)


def check_write(asked: Asked, current: Version | None, *, required: bool = False) -> None:
    """Whether the write may go on against the newest version that the asker can see, a deletion included.

    A deletion's own tag lets a resource be brought back; `*` asks for a living one. `required`: the setting that wants
    If-Match for every change of what is there.
    Raises VersionMismatch, Incorrect for a malformed header, PreconditionNeeded, Refused for what is shown in part.
    """
    living = current is not None and not current.is_deleted
    if current is not None and living and current.is_masked:
        what = f"{current.type}/{current.id}"
        raise Refused(f"{what} is shown to you in part, for a safety ban, so it is changed by its own register alone")
    if asked.if_match is not None:
        named = tags(asked.if_match, "If-Match")
        if named == (ANY,):
            if not living:
                raise VersionMismatch("If-Match: * asks for a resource that is there, and there is none")
        elif current is None or str(current.version) not in named:
            raise VersionMismatch(f"If-Match names {asked.if_match[:100]}, and that is not the current version")
    elif required and living:
        raise PreconditionNeeded("a change of what is there must say by If-Match which version it is based on")
    if asked.if_none_match is not None and living and current is not None:
        named = tags(asked.if_none_match, "If-None-Match")
        if named == (ANY,) or str(current.version) in named:
            raise VersionMismatch("If-None-Match names the version that is there")


def is_unchanged(asked: Asked, version: int, last_updated: datetime) -> bool:
    """Whether a conditional read may be answered 304: the client's copy is this version.

    If-Modified-Since counts only without If-None-Match, and in whole seconds, as HTTP dates are. A `meta.versionId`
    alone, without quotes, is taken for its tag, since client libraries send it so; a write must be exact.
    """
    if asked.if_none_match is not None:
        if bare := _BARE.fullmatch(asked.if_none_match):
            return bare[1] == str(version)
        named = tags(asked.if_none_match, "If-None-Match")
        return named == (ANY,) or str(version) in named
    if asked.if_modified_since is not None:
        return last_updated.replace(microsecond=0) <= asked.if_modified_since
    return False
