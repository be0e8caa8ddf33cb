"""What a measure came to, as a MeasureReport of type summary, without small numbers; pure.

https://hl7.org/fhir/R4/measurereport.html
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sharedplan.care.codes import OURS
from sharedplan.care.measures import suppression
from sharedplan.care.measures.figures import Group, Period, Stratum
from sharedplan.fhir.exchanges import Json
from sharedplan.fhir.moments import instant

GROUP = OURS + "measure-group"
STRATIFIER = OURS + "measure-stratifier"
MEASURES = OURS.replace("CodeSystem/", "Measure/")
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
POPULATION = "http://terminology.hl7.org/CodeSystem/measure-population"
UCUM = "http://unitsofmeasure.org"

_MASKED = [{"url": ABSENT, "valueCode": "masked"}]


def reported(id: str, groups: Iterable[Group], period: Period, *, reporter: str, at: datetime) -> Json:
    """The MeasureReport of Measure/id; `reporter`: the Organization whose register was looked at."""
    return {
        "resourceType": "MeasureReport",
        "status": "complete",
        "type": "summary",
        "measure": MEASURES + id,
        "date": instant(at),
        "reporter": {"reference": reporter},
        "period": {"start": period.start.isoformat(), "end": period.end.isoformat()},
        "group": [_group(each) for each in groups],
    }


def _group(group: Group) -> Json:
    strata = [each.counts for each in group.strata]
    withheld = [number for number, each in enumerate(group.strata) if _is_of_few(each)]
    small = group.population < suppression.LEAST or _is_of_few(group) or suppression.gives_away(strata, withheld)
    not_told = frozenset(range(len(strata))) if small else suppression.hidden(strata, withheld)
    told: Json = {
        "code": {"coding": [{"system": GROUP, "code": group.code}]},
        "population": list(_populations(group, small)),
    }
    _add_score(told, group, small)
    if group.strata:
        told["stratifier"] = [
            {
                "code": [
                    {"coding": [{"system": STRATIFIER, "code": each.of}], "text": each.of}
                    for each in group.strata[0].values
                ],
                "stratum": [_stratum(each, number in not_told) for number, each in enumerate(group.strata)],
            }
        ]
    return told


def _is_of_few(of: Group | Stratum) -> bool:
    return of.people is not None and of.people < suppression.LEAST


def _stratum(stratum: Stratum, is_hidden: bool) -> Json:
    values = [(each.of, {"coding": [{"code": each.code}], "text": each.text}) for each in stratum.values]
    told: Json = {}
    if len(values) == 1:
        told["value"] = values[0][1]
    else:
        told["component"] = [
            {"code": {"coding": [{"system": STRATIFIER, "code": of}], "text": of}, "value": value}
            for of, value in values
        ]
    told["population"] = list(_populations(stratum, is_hidden))
    _add_score(told, stratum, is_hidden)
    return told


def _populations(of: Group | Stratum, is_hidden: bool) -> Iterable[Json]:
    """The counts; none of them when the population is not told, and the numerator only when it is large enough."""
    yield _count("initial-population", of.population, is_hidden)
    if of.numerator is not None:
        yield _count("denominator", of.population, is_hidden)
        yield _count("numerator", of.numerator, is_hidden or of.numerator < suppression.LEAST)
    elif isinstance(of, Group) and of.score is not None:
        yield _count("measure-population", of.population, is_hidden)


def _count(code: str, count: int, is_hidden: bool) -> Json:
    told: dict[str, Any] = {"_count": {"extension": _MASKED}} if is_hidden else {"count": count}
    return {"code": {"coding": [{"system": POPULATION, "code": code}]}, **told}


def _add_score(told: Json, of: Group | Stratum, is_hidden: bool) -> None:
    """The score, or why there is none."""
    score = of.score if isinstance(of, Group) else None
    if of.numerator is None and score is None:
        return
    if is_hidden or (of.numerator is not None and of.numerator < suppression.LEAST):
        told["extension"] = _MASKED
    elif of.numerator is not None:
        told["measureScore"] = _quantity(round(of.numerator / of.population, 4), "1")
    elif score is not None and isinstance(of, Group):
        told["measureScore"] = _quantity(score, of.unit)


def _quantity(value: float, unit: str) -> Json:
    return {
        "value": int(value) if value == int(value) else Decimal(str(value)),
        "unit": unit,
        "system": UCUM,
        "code": unit,
    }
