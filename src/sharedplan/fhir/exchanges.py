"""Asked and Answer: one interaction as a question and its answer, in the words of Bundle.entry.

https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.request, https://hl7.org/fhir/R4/http.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from sharedplan.errors import Issue

Json = dict[str, Any]
"""A JSON object as `fhir/json_text.py` reads it: numbers keep their digits."""


@dataclass(frozen=True, slots=True)
class Prefer:
    """The Prefer header. https://hl7.org/fhir/R4/http.html#ops, https://hl7.org/fhir/R4/search.html#errors"""

    returning: str | None = None  # minimal | representation | OperationOutcome; None: the interaction's default
    lenient: bool = False  # handling=lenient


class Asked(NamedTuple):
    """One interaction, asked over HTTP or by an entry of a Bundle; a tuple, which is made in a sixth of the time.

    `interaction` is a code of type-restful-interaction (read, vread, update, patch, delete, create, history-instance,
    history-type, history-system, search-type, search-system, batch, transaction, capabilities) or "operation".
    `parameters` are the query's pairs in order, decoded; on a conditional update, patch or delete they are criteria.
    `body` is the JSON read from the request: a resource, or a list for JSON Patch.
    `if_none_exist` is the criteria of a conditional create, still encoded as sent.
    `if_match` and `if_none_match` are the headers as sent; their reading is the interaction's.
    """

    interaction: str
    type: str | None = None
    id: str | None = None
    version: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    body: Any = None
    patch_format: str | None = None  # "json-patch" or "fhirpath-patch"
    operation: str | None = None  # "$validate" is "validate"
    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: datetime | None = None
    if_none_exist: str | None = None
    prefer: Prefer = Prefer()
    base: str = ""  # the FHIR base URL, from the settings, without a trailing slash
    request_id: str = ""
    method: str = "GET"
    provenance: Json | None = None  # the header X-Provenance: what the client states of where a write's data come from
    compartment: tuple[str, str] | None = None  # (type, id) of the resource whose compartment is searched
    accept_language: str = ""  # the header, as sent


class Answer(NamedTuple):
    """What came of it; the edge turns it into a response, or a Bundle entry.

    `content` is the text of one resource, sent as it is, or that in UTF-8; None: no body.
    `type`, `id`, `version` and `last_updated` speak of the resource read or written; they become ETag, Last-Modified
    and, when `created`, Location. `warnings` come back when the client prefers an OperationOutcome.
    `touched` are the resources that the answer shows, for the audit: (type, id, version). `labels` are codes of
    v3-ActReason that label the answer as a whole.
    """

    status: int
    content: str | bytes | None = None
    type: str | None = None
    id: str | None = None
    version: int | None = None
    last_updated: datetime | None = None
    created: bool = False
    warnings: tuple[Issue, ...] = ()
    touched: tuple[tuple[str, str, int], ...] = ()
    headers: Mapping[str, str] = MappingProxyType({})
    labels: tuple[str, ...] = ()

    @property
    def text(self) -> str | None:
        """The content as text."""
        return self.content.decode() if isinstance(self.content, bytes) else self.content
