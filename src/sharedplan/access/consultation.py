"""A consultation that names no client, in the register of whoever asks it: what those may do whom it asks; pure.

It is nobody's data, so neither team nor consent has a say: who is addressed reads it, and the owner of a Task moves it
on as any owner may. It stays with him and his, and says no more than it did of whom it is about: nothing.
https://hl7.org/fhir/R4/task.html#statemachine
"""

from dataclasses import replace
from datetime import datetime

from sharedplan.access.answers import Judgement, allowed, no, yes
from sharedplan.access.asker import asker_of, house_of, reached_by
from sharedplan.access.facts import Question
from sharedplan.access.relations import Directory

STEP = "addressed"


def by_address(question: Question, directory: Directory, at: datetime) -> Judgement:
    """Whether somebody may do that because it asks him; `directory` has the roles that it names, before and after."""
    item, after = question.item, question.after
    reached = reached_by(question.person, question.organization, directory, at)
    if reached.isdisjoint(item.consulted):
        return no(STEP, f"this {item.type} is not addressed to the asker, or it may be about a client")
    granted = yes(STEP, f"this {item.type} is addressed to {min(reached & item.consulted)} and names no client")
    asker = asker_of(question.person, question.organization, directory, (), at)
    found = allowed(question, replace(asker, grantees=reached), "guest", opens=False, granted=granted)
    if not found.is_permitted or after is None:
        return found
    if not after.consulted:
        return no(STEP, "it goes on naming no client, and asking somebody")
    if not after.consulted <= item.consulted | reached | house_of(asker.organization, directory, at):
        return no(STEP, "it stays with whom it asks, or with somebody of the same organisation")
    return found
