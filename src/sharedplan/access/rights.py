"""Who may write what, after the register or a consent has said yes: the matrix of rights within a team; pure.

What somebody may only propose he writes as a Task or as a draft of his own. Only a coordinator deletes, and the system
of the register that the thing is in.
"""

from dataclasses import dataclass
from types import MappingProxyType

from sharedplan.access.items import DRAFTS, Item

ASSESSMENTS = ("QuestionnaireResponse", "Observation", "Condition", "DocumentReference")
MESSAGES = ("Communication", "Appointment", "Provenance", "Subscription")
PEOPLE = ("Patient", "RelatedPerson")

COLUMNS = MappingProxyType(
    {
        "CarePlan": "plan",
        "Goal": "goal",
        "Task": "task",
        "CareTeam": "team",
        "Encounter": "encounter",
        "Consent": "consent",
        "EpisodeOfCare": "episode",
        **dict.fromkeys(ASSESSMENTS, "assessment"),
        **dict.fromkeys(MESSAGES, "message"),
        **dict.fromkeys(PEOPLE, "people"),
    }
)
"""Resource type → column of the matrix; the types that are not here are "other"."""

MATRIX = MappingProxyType(
    {
        "client": {
            "plan": "draft",
            "goal": "write",
            "task": "own assigned",
            "team": "write",
            "consent": "write",
            "assessment": "own",
            "message": "own",
        },
        "coordinator": {
            "plan": "all",
            "goal": "all",
            "task": "all",
            "team": "all",
            "encounter": "all",
            "consent": "all",
            "episode": "all",
            "assessment": "answers",
            "message": "all",
            "people": "all",
            "other": "all",
        },
        "professional": {
            "plan": "draft",
            "goal": "own",
            "task": "own assigned",
            "team": "draft",
            "encounter": "attended",
            "consent": "write",
            "assessment": "own",
            "message": "own",
            "other": "own",
        },
        "narrow": {
            "goal": "draft",
            "task": "draft assigned",
            "encounter": "attended",
            "assessment": "own",
            "message": "own",
        },
        "relative": {"goal": "draft", "task": "draft assigned", "assessment": "own", "message": "own"},
        "guardian": {
            "goal": "draft",
            "task": "draft assigned",
            "team": "write",
            "consent": "write",
            "assessment": "own",
            "message": "own",
        },
        "guest": {"task": "assigned"},
    }
)
"""Who (`Writer.kind`) → column → ways in which he may write there, of which one must apply.

    all       whatever it is              own       what he made, or is the author of
    write     all but delete              draft     what he made, as long as it is a draft
    answers   all but the client's own    assigned  what he is the owner of; no creating
              answers                     attended  encounters that he takes part in
"""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who would write: his row of the matrix, the references to him and to all he acts for; and whether he may let
    others in, by a Consent or a CareTeam."""

    kind: str
    names: frozenset[str]
    grantees: frozenset[str]
    opens: bool


def refusal(writer: Writer, action: str, item: Item, after: Item | None) -> str | None:
    """Why the matrix does not let him, as a sentence; None when it does.

    `action` is create, update or delete. `item` is the thing as it is, or on create as it would be; `after` what an
    update would make of it.
    """
    result = item if action == "create" else after
    if result is not None and result.client != item.client:
        return "a thing of one client's is not made another's"
    if lets_in(action, item, after) and not writer.opens:
        return (
            f"a {item.type} that lets somebody in is written only by the client, a guardian, the coordinator or the "
            "system of the plan's controller"
        )
    ways = MATRIX[writer.kind].get(COLUMNS.get(item.type, "other"), "").split()
    if not ways:
        return f"a {writer.kind} does not write {item.type}"
    if not any(_applies(way, writer, action, item, after) for way in ways):
        return f"a {writer.kind} may {action} only {item.type} {_IN_WORDS[ways[0]]}"
    return None


_IN_WORDS = {
    "all": "of any kind",
    "write": "without deleting it",
    "answers": "other than the client's own answers",
    "own": "of one's own",
    "draft": "that is a draft of one's own: propose it by a Task or a draft",
    "assigned": "that one is the owner of",
    "attended": "that one takes part in",
}


def lets_in(action: str, item: Item, after: Item | None) -> bool:
    """Whether doing this would let somebody in: writing a permit or a team in force, or ending a deny."""
    if item.type not in ("Consent", "CareTeam"):
        return False
    match action:
        case "create":
            return item.opens
        case "update" | "delete":
            return item.bars or (after is not None and after.opens)
    return False


def _applies(way: str, writer: Writer, action: str, item: Item, after: Item | None) -> bool:
    if action == "delete":
        return way == "all" or (way == "answers" and not _are_answers_of_the_client(item))
    match way:
        case "all" | "write":
            return True
        case "answers":
            return not any(_are_answers_of_the_client(each) for each in (item, after) if each is not None)
        case "own":
            return _is_own(writer, action, item)
        case "draft":
            both = [each for each in (item, after) if each is not None]
            return _is_own(writer, action, item) and all(each.status in DRAFTS for each in both)
        case "assigned":
            return action == "update" and not writer.grantees.isdisjoint(item.owners)
        case "attended":
            both = [each for each in (item, after) if each is not None]
            return all(not writer.names.isdisjoint(each.participants) for each in both)
    raise ValueError(f"no such way to write: {way}")


def _is_own(writer: Writer, action: str, item: Item) -> bool:
    """Whether it is his: what he makes, unless he gives it out as somebody else's answers; what he made or authored."""
    if item.creator in writer.names or not writer.names.isdisjoint(item.authors):
        return True
    others = item.type == "QuestionnaireResponse" and bool(item.authors)
    return action == "create" and not others


def _are_answers_of_the_client(item: Item) -> bool:
    return item.type == "QuestionnaireResponse" and item.client in item.authors
