"""The measures that are computed, by the ids of their Measure resources."""

from collections.abc import Callable, Mapping

from sharedplan.care.measures.assessments import Assessments
from sharedplan.care.measures.bounces import Bounces
from sharedplan.care.measures.cases import ContactToFirstMeeting, Kaannekohta
from sharedplan.care.measures.coding import CodedContent
from sharedplan.care.measures.consents import ConsentCoverage
from sharedplan.care.measures.feedback import Feedback
from sharedplan.care.measures.figures import Around, Measuring
from sharedplan.care.measures.goals import GoalsAgreed
from sharedplan.care.measures.multidisciplinarity import Multidisciplinarity
from sharedplan.care.measures.participation import ClientsPart
from sharedplan.care.measures.referrals import Referrals

MEASURES: Mapping[str, Callable[[Around], Measuring]] = {
    "assessment-in-time": lambda around: Assessments(around.period, around.today),
    "feedback": lambda around: Feedback(around.period, around.base),
    "referrals": lambda around: Referrals(around.period, around.base),
    "kaannekohta": lambda around: Kaannekohta(around.period, around.base),
    "contact-to-first-meeting": lambda around: ContactToFirstMeeting(around.period, around.base),
    "goals-agreed": GoalsAgreed,
    "clients-part": ClientsPart,
    "multidisciplinarity": Multidisciplinarity,
    "consent-coverage": ConsentCoverage,
    "bounces": Bounces,
    "coded-content": CodedContent,
}
