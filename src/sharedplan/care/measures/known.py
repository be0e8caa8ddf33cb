"""The measures that are computed, by the ids of their Measure resources."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from sharedplan.care.measures.assessments import Assessments
from sharedplan.care.measures.cases import ContactToFirstMeeting, Kaannekohta
from sharedplan.care.measures.feedback import Feedback
from sharedplan.care.measures.figures import Measuring, Period
from sharedplan.care.measures.referrals import Referrals


@dataclass(frozen=True, slots=True)
class Around:
    """What a measure goes by: the period, what day it is in Helsinki, and the FHIR base of absolute references."""

    period: Period
    today: date
    base: str


MEASURES: Mapping[str, Callable[[Around], Measuring]] = {
    "assessment-in-time": lambda around: Assessments(around.period, around.today),
    "feedback": lambda around: Feedback(around.period),
    "referrals": lambda around: Referrals(around.period, around.base),
    "kaannekohta": lambda around: Kaannekohta(around.period, around.base),
    "contact-to-first-meeting": lambda around: ContactToFirstMeeting(around.period, around.base),
}
