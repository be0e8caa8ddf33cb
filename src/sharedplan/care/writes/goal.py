"""What holds when a goal is written. https://hl7.org/fhir/R4/goal.html

Only that a goal becomes `accepted` is refused against the client's stance. A goal that is accepted or worked on already
is what is being done, which stays recordable with both views; it is warned of, here and in the review (R0.4, R3.17).
"""

from collections.abc import Iterator

from sharedplan.care import codes
from sharedplan.care.finding import Finding, Words
from sharedplan.care.writing import Writing, on_write
from sharedplan.fhir.exchanges import Json

AGAINST: Words = (
    "Tavoitetta ei voi hyväksyä: {client} on siitä eri mieltä (goal-acceptance on disagree). Kirjaa molemmat "
    "näkemykset ja "
    "pidä tavoite ehdotettuna.",
    "Målet kan inte godtas: {client} är av annan åsikt (goal-acceptance är disagree). Anteckna bådas syn och låt "
    "målet vara "
    "föreslaget.",
    "The goal cannot be accepted: {client} disagrees with it (goal-acceptance is disagree). Record both views and "
    "leave the "
    "goal proposed.",
)

WORKED_ON: Words = (
    "{client} on eri mieltä tavoitteesta (goal-acceptance on disagree), jonka tila on {status}. Kirjaa molempien "
    "näkemykset.",
    "{client} är av annan åsikt om målet (goal-acceptance är disagree), vars status är {status}. Anteckna bådas syn.",
    "{client} disagrees with the goal (goal-acceptance is disagree), and its status is {status}. Record both views.",
)

UNDER_WAY = ("accepted", "active", "on-hold", "completed")
"""Statuses of a goal that is accepted, or what comes after it."""


def is_under_way(goal: Json) -> bool:
    return goal.get("lifecycleStatus") in UNDER_WAY


def stances(goal: Json) -> Iterator[tuple[Json | None, str | None]]:
    """(whose, agree | disagree | pending) of each acceptance that is stated; whose: a Reference, None when not said.

    https://hl7.org/fhir/R4/extension-goal-acceptance.html
    """
    for each in goal.get("extension", ()):
        if each.get("url") == codes.ACCEPTANCE:
            parts = {one.get("url"): one for one in each.get("extension", ())}
            yield (
                parts.get("individual", {}).get("valueReference"),
                parts.get("status", {}).get("valueCode"),
            )


@on_write(
    "Goal",
    id="R0.4",
    source="seed 000: jonka tavoitteisiin asiakas voi sitoutua",
    when=lambda current, proposed: (
        (proposed or {}).get("lifecycleStatus") == "accepted"
        and (current or {}).get("lifecycleStatus") != "accepted"
        and codes.extension(proposed or {}, codes.ACCEPTANCE) is not None
    ),
    needs=("Patient",),
)
def a_goal_is_not_accepted_against_the_clients_stance(writing: Writing) -> Iterator[Finding]:
    for whose, stance in stances(writing.proposed or {}):
        if stance == "disagree" and (whose is None or writing.is_client(whose)):
            yield Finding("R0.4", "error", AGAINST, {"client": writing.client_called}, at="Goal.lifecycleStatus")
            return


def is_worked_on(current: Json | None, proposed: Json | None) -> bool:
    """Whether somebody's stance on a goal is stated which is being worked on, or was accepted before."""
    goal, was_accepted = proposed or {}, (current or {}).get("lifecycleStatus") == "accepted"
    is_newly_accepted = goal.get("lifecycleStatus") == "accepted" and not was_accepted
    return is_under_way(goal) and not is_newly_accepted and codes.extension(goal, codes.ACCEPTANCE) is not None


@on_write(
    "Goal",
    id="R0.4",
    source="seed 000: jonka tavoitteisiin asiakas voi sitoutua; domain 2.2: both views are kept",
    when=is_worked_on,
    warns=True,
)
def a_goal_that_is_worked_on_against_the_clients_stance_is_told(writing: Writing) -> Iterator[Finding]:
    for whose, stance in stances(writing.proposed or {}):
        if stance == "disagree" and (whose is None or writing.is_client(whose)):
            fields = {"client": writing.client_called, "status": str((writing.proposed or {}).get("lifecycleStatus"))}
            yield Finding("R0.4", "warning", WORKED_ON, fields, at="Goal.lifecycleStatus")
            return
