"""Personal identity codes: a right one passes, any slip is told without repeating it, and none is stored wrong."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judged import found, only, patient, plan
from sharedplan.fhir.identity_codes import CENTURIES, CHECKS, SYSTEM, fault, is_code

SIGNS = {1800: "+", 1900: "-YXWVU", 2000: "ABCDEF"}


@st.composite
def codes(draw: st.DrawFn) -> str:
    """Right codes of any century, sign and number."""
    born = draw(st.dates(date(1800, 1, 1), date(2099, 12, 31)))
    sign = draw(st.sampled_from(SIGNS[born.year // 100 * 100]))
    number = draw(st.integers(2, 999))
    digits = f"{born:%d%m}{born.year % 100:02}"
    return f"{digits}{sign}{number:03}{CHECKS[int(f'{digits}{number:03}') % 31]}"


def identified(type: str, value: str, system: str = SYSTEM) -> dict[str, Any]:
    return {"resourceType": type, "identifier": [{"system": "urn:x", "value": "1"}, {"system": system, "value": value}]}


@given(codes())
def test_a_right_code_has_no_fault(code: str) -> None:
    assert is_code(code) and fault(code) is None


@given(codes(), st.sampled_from([0, 1, 2, 3, 4, 5, 7, 8, 9]), st.integers(1, 9))
def test_a_changed_digit_is_a_fault(code: str, place: int, more: int) -> None:
    digit = (int(code[place]) + more) % 10
    assert fault(f"{code[:place]}{digit}{code[place + 1 :]}") is not None


@given(codes(), st.integers(1, len(CHECKS) - 1))
def test_a_changed_check_character_is_a_fault(code: str, more: int) -> None:
    assert fault(code[:-1] + CHECKS[(CHECKS.index(code[-1]) + more) % len(CHECKS)]) is not None


@given(codes(), st.characters().filter(lambda char: char not in CENTURIES))
def test_a_changed_sign_is_a_fault(code: str, sign: str) -> None:
    assert fault(code[:6] + sign + code[7:]) is not None


@given(codes(), st.text("0123456789-+AT", max_size=13).filter(lambda text: not is_code(text)))
def test_a_fault_repeats_no_part_of_the_code(code: str, text: str) -> None:
    for wrong in (code[:-1] + "G", code.lower() + " ", f"{code[:6]}!{code[7:]}", f"39{code[2:]}", text):
        told = fault(wrong)
        assert told is not None
        assert wrong.strip() not in told or len(wrong) < 3  # one letter, such as that of a sentence's beginning
        assert code[:6] not in told and code[7:] not in told
        assert told.endswith(".") and told[0].isupper()


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("131052-308T", None),
        ("140583-914Y", None),
        ("090210A947J", None),
        ("290200A900B", None),  # 2000 was a leap year
        ("290200-900A", "day"),  # 1900 was not
        ("290200+900A", "day"),
        ("310400A9008", "day"),
        ("001300A900A", "day"),
        ("131052-308t", "capitals"),
        ("131052y308T", "capitals"),
        ("131052G308T", "sign"),
        ("131052 308T", "sign"),
        ("1310523308T", "six digits"),
        ("131052-308U", "check character"),
        ("131052-308G", "check character"),
        (" 131052-308T", "six digits"),
        ("131052-308T\n", "six digits"),
        ("131052-30８T", "six digits"),
        ("131052308T", "six digits"),
        ("", "six digits"),
    ],
)
def test_a_fault_is_told(code: str, wanted: str | None) -> None:
    told = fault(code)
    assert told is None if wanted is None else told is not None and wanted in told


@pytest.mark.parametrize("type", ["Patient", "RelatedPerson", "Practitioner", "Person"])
def test_a_wrong_code_is_no_identifier_of_a_person(type: str) -> None:
    resource = identified(type, "131052-308U")
    if type == "RelatedPerson":
        resource["patient"] = {"reference": "Patient/1"}
    issue = only(resource)
    assert (issue.code, issue.at) == ("value", f"{type}.identifier[1].value")
    assert "131052" not in issue.saying and "check character" in issue.saying
    resource["identifier"][1]["value"] = "131052-308T"
    assert found(resource) == []


def test_a_wrong_code_is_no_identifier_in_a_reference_either() -> None:
    subject = {"identifier": {"system": SYSTEM, "value": "320152-308U"}}
    assert found(plan(subject=subject)) == [("value", "CarePlan.subject.identifier.value")]


def test_other_systems_and_codes_left_out_are_not_judged() -> None:
    assert found(identified("Patient", "131052-308U", "urn:oid:1.2.246.10.1.22.2025")) == []
    assert found(patient(identifier=[{"system": SYSTEM}])) == []
    absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}
    assert found(patient(identifier=[{"system": SYSTEM, "_value": {"extension": [absent]}}])) == []
