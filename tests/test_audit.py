"""The trail: what each end of an interaction leaves, and how it reads as an AuditEvent."""

import base64
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sharedplan import audit
from sharedplan.access.principal import Principal
from sharedplan.access.scopes import parse
from sharedplan.errors import Fault, NotFound, Refused, Unprocessable
from sharedplan.fhir import resources
from sharedplan.fhir.exchanges import Answer, Asked
from sharedplan.interactions.audit_events import rendered, shown
from sharedplan.store.trail import Trail
from sharedplan.store.versions import Version

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
SARI = Principal(
    "records", parse("user/*.cruds"), "Organization/north", "Practitioner/sari", "TREAT", "urn:test", "t-1", AT
)
SYSTEM = replace(SARI, person=None)
ROW = Version("AuditEvent", "a-1", 1, AT, "create", None)
READ = Asked("read", "CarePlan", "p", request_id="request-1")


def test_a_trail_says_who_asked_for_what() -> None:
    trail = audit.begun(READ, SARI, ("scope allows r",))
    assert (trail.interaction, trail.action, trail.resource) == ("read", "R", "CarePlan/p")
    assert (trail.client_id, trail.organization, trail.person) == ("records", "Organization/north", "Practitioner/sari")
    assert (trail.purpose, trail.request_id, trail.reasons) == ("TREAT", "request-1", ("scope allows r",))
    assert (trail.outcome, trail.query) == ("0", None)


@pytest.mark.parametrize(
    ("interaction", "action"),
    [
        ("create", "C"),
        ("vread", "R"),
        ("update", "U"),
        ("patch", "U"),
        ("delete", "D"),
        ("search-type", "E"),
        ("history-system", "E"),
        ("transaction", "E"),
        ("operation", "E"),
    ],
)
def test_each_interaction_has_its_action(interaction: str, action: str) -> None:
    assert audit.begun(Asked(interaction, "Patient"), SARI).action == action


def test_a_question_is_kept_as_it_was_put() -> None:
    asked = Asked("search-type", "CarePlan", parameters=(("subject", "Patient/1"), ("status", "active,draft")))
    assert audit.begun(asked, SARI).query == "CarePlan?subject=Patient/1&status=active,draft"
    created = Asked("create", "Patient", if_none_exist="identifier=a|1")
    assert audit.begun(created, SARI).query == "Patient?identifier=a|1"


def test_an_operation_is_told_by_its_name() -> None:
    assert audit.begun(Asked("operation", "Patient", operation="validate"), SARI).interaction == "$validate"


def test_a_write_that_changed_nothing_is_told_with_what_it_found() -> None:
    content = '{"resourceType":"CarePlan","subject":{"reference":"Patient/1"}}'
    answer = Answer(200, content, "CarePlan", "p", 7, AT)
    trail = audit.done(audit.begun(Asked("update", "CarePlan", "p"), SARI), answer)
    assert (trail.resource, trail.version, trail.patients) == ("CarePlan/p", 7, ("Patient/1",))
    untouched = audit.begun(Asked("delete", "CarePlan", "p"), SARI)
    assert audit.done(untouched, Answer(204, type="CarePlan")) == untouched


@pytest.mark.parametrize(
    ("failure", "outcome", "reason"),
    [
        (Refused("no scope allows it"), "4", "no scope allows it"),
        (NotFound("there is no Patient/131052-308T"), "4", "404 not-found"),
        (Unprocessable("bad"), "4", "422 business-rule"),
        (Fault("broken"), "8", "500 exception"),
        (ZeroDivisionError("secret"), "8", "ZeroDivisionError"),
    ],
)
def test_a_failure_is_told_by_whose_doing_it_was(failure: Exception, outcome: str, reason: str) -> None:
    trail = audit.failed(READ, SARI, failure)
    assert (trail.outcome, trail.reasons) == (outcome, (reason,))


TRAILS = {
    "read": audit.begun(READ, SARI),
    "a system's read of a patient": audit.begun(Asked("read", "Patient", "anna"), SYSTEM),
    "vread": audit.begun(Asked("vread", "CarePlan", "p", "2"), SARI),
    "search": audit.begun(Asked("search-type", "CarePlan", parameters=(("status", "active"),)), SARI)._replace(
        patients=("Patient/1", "Patient/2"),
        entities=("CarePlan/a", "CarePlan/b"),
    ),
    "create": audit.begun(Asked("create", "CarePlan"), SARI)._replace(resource_id="p", version=1),
    "delete": audit.begun(Asked("delete", "CarePlan", "p"), SYSTEM)._replace(version=3),
    "refusal": audit.failed(READ, SARI, Refused("no scope", at=None)),
    "transaction": audit.begun(Asked("transaction"), SYSTEM),
    "the least": Trail("read", "R"),
}


@pytest.mark.parametrize("trail", TRAILS.values(), ids=TRAILS.keys())
def test_every_trail_reads_as_a_valid_audit_event(trail: Trail) -> None:
    event = rendered(trail, ROW)
    assert resources.issues_of("AuditEvent", event) == []
    assert event["meta"] == {"versionId": "1", "lastUpdated": "2026-01-02T03:04:05.678901Z"}
    assert event["recorded"] == "2026-01-02T03:04:05.678901Z"
    assert [agent["requestor"] for agent in event["agent"]].count(True) == 1


def test_a_read_flows_to_the_client_and_a_write_to_the_server() -> None:
    def roles(trail: Trail) -> list[str]:
        return [agent["type"]["coding"][0]["code"] for agent in rendered(trail, ROW)["agent"]]

    assert roles(TRAILS["read"]) == ["110152", "110153", "IRCP", "RESP"]
    assert roles(TRAILS["create"]) == ["110153", "110152", "IRCP", "RESP"]
    assert roles(TRAILS["search"])[:2] == ["110153", "110152"]
    assert roles(TRAILS["delete"]) == ["110153", "110152", "RESP"]


def test_the_person_carries_the_purpose_or_else_the_client() -> None:
    by_person, by_system = (rendered(TRAILS[name], ROW)["agent"] for name in ("read", "delete"))
    assert by_person[2]["purposeOfUse"][0]["coding"][0]["code"] == "TREAT"
    assert by_system[0]["purposeOfUse"][0]["coding"][0]["code"] == "TREAT"


def test_entities_are_the_resource_its_patients_the_question_and_the_request() -> None:
    entities = rendered(TRAILS["search"], ROW)["entity"]
    assert [each["what"]["reference"] for each in entities if "reference" in each.get("what", {})] == [
        "CarePlan/a",
        "CarePlan/b",
        "Patient/1",
        "Patient/2",
    ]
    (query,) = [each["query"] for each in entities if "query" in each]
    assert base64.b64decode(query) == b"CarePlan?status=active"
    assert rendered(TRAILS["read"], ROW)["entity"][-1]["what"] == {"identifier": {"value": "request-1"}}
    versioned = rendered(TRAILS["create"], ROW)["entity"][0]["what"]
    assert versioned == {"reference": "CarePlan/p/_history/1"}


def test_an_audit_event_from_elsewhere_is_shown_as_it_is() -> None:
    theirs = ROW._replace(content="{}")
    assert shown(theirs) is theirs
    ours = shown(ROW._replace(trail=TRAILS["read"]))
    assert ours.content is not None and ours.content.startswith('{"resourceType":"AuditEvent","id":"a-1"')
