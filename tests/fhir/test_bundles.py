"""Bundles that answer, as text."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from sharedplan.fhir import bundles, resources
from sharedplan.fhir.bundles import Entry, etag
from sharedplan.fhir.json_text import read
from sharedplan.fhir.moments import instant
from sharedplan.fhir.outcomes import text

AT = datetime(2025, 6, 3, 14, 10, 0, 123456, UTC)
PATIENT = (
    '{"resourceType":"Patient","id":"1","multipleBirthInteger":2,"extension":[{"url":"http://x","valueDecimal":1.10}]}'
)


def errors(bundle: str) -> list[str]:
    return [issue.saying for issue in resources.issues_of("Bundle", read(bundle))]


def test_a_searchset_holds_its_resources_as_they_are_stored() -> None:
    made = bundles.searchset(
        [Entry("https://x.fi/fhir/Patient/1", PATIENT, mode="match"), Entry(None, text([]), mode="outcome")],
        total=1,
        links=[("self", 'https://x.fi/fhir/Patient?name="ä"')],
        id="b",
        at=AT,
    )
    assert PATIENT in made
    assert errors(made) == []
    assert json.loads(made)["link"] == [{"relation": "self", "url": 'https://x.fi/fhir/Patient?name="ä"'}]
    assert json.loads(made)["meta"] == {"lastUpdated": "2025-06-03T14:10:00.123456Z"}


@pytest.mark.parametrize(("matches", "included"), [(2, 1), (1, 0), (0, 2), (0, 0)])
def test_entries_that_were_joined_make_the_same_searchset(matches: int, included: int) -> None:
    """Of whatever address, with what is said of the search after them."""
    base = 'https://x.fi/"a"/fhir'

    def joined(mode: str, many: int) -> bytes | None:
        """As the database does it: with what is around two entries between them."""
        head, tail = zip(*(bundles.around(f"{bundles.HERE}/Patient/{n}", mode) for n in range(many)), strict=True)
        return (tail[0] + bundles.NEXT).join(each + PATIENT for each in head).encode()

    told = [joined(mode, many) if many else None for mode, many in (("match", matches), ("include", included))]
    modes = [("match", n) for n in range(matches)] + [("include", n) for n in range(included)]
    entries = [Entry(f"{base}/Patient/{n}", PATIENT, mode=mode) for mode, n in modes]
    more: dict[str, Any] = {"total": 2, "links": [("self", f"{base}/Patient")], "id": "b", "at": AT}
    for said in (None, Entry(None, text([]), mode="outcome")):
        made = bundles.searchset_of(*told, base, said=said, **more)
        assert made.decode() == bundles.searchset([*entries, *([said] if said else [])], **more)


def test_an_empty_bundle_has_no_empty_arrays() -> None:
    assert bundles.searchset([], total=0) == '{"resourceType":"Bundle","type":"searchset","total":0}'
    assert errors(bundles.searchset([])) == []


def test_a_history_tells_what_made_each_version() -> None:
    made = bundles.history(
        [
            Entry(
                "https://x.fi/fhir/Patient/1",
                method="DELETE",
                url="Patient/1",
                status="204",
                version=2,
                last_updated=AT,
            ),
            Entry("https://x.fi/fhir/Patient/1", PATIENT, method="POST", url="Patient", status="201", version=1),
        ],
        total=2,
    )
    assert errors(made) == []
    deleted = json.loads(made)["entry"][0]
    assert deleted["request"] == {"method": "DELETE", "url": "Patient/1"}
    assert deleted["response"] == {"status": "204", "etag": 'W/"2"', "lastModified": "2025-06-03T14:10:00.123456Z"}


@pytest.mark.parametrize("to", ["transaction", "batch"])
def test_a_response_answers_each_entry(to: str) -> None:
    made = bundles.response(
        to,
        [
            Entry(resource=PATIENT, status="201 Created", location="Patient/1/_history/1", version=1, last_updated=AT),
            Entry(status="404 Not Found", outcome=text([])),
        ],
    )
    assert errors(made) == []
    assert json.loads(made)["type"] == f"{to}-response"
    assert json.loads(made)["entry"][1]["response"]["outcome"]["resourceType"] == "OperationOutcome"


def test_an_instant_is_written_in_utc_to_the_microsecond() -> None:
    assert instant(AT.astimezone(timezone(timedelta(hours=3)))) == "2025-06-03T14:10:00.123456Z"
    assert instant(AT.replace(microsecond=0)) == "2025-06-03T14:10:00.000000Z"


def test_an_etag_is_weak() -> None:
    assert etag(3) == 'W/"3"'
