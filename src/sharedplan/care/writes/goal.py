"""What holds when a goal is written. https://hl7.org/fhir/R4/goal.html

Only `accepted` is refused against the client's stance. A goal in another state of work is what is being done, which
stays recordable with both views; the review warns of it (R0.4, R3.17).
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
)
def a_goal_is_not_accepted_against_the_clients_stance(writing: Writing) -> Iterator[Finding]:
    for whose, stance in stances(writing.proposed or {}):
        if stance == "disagree" and (whose is None or writing.after.refers(whose, writing.client)):
            yield Finding("R0.4", "error", AGAINST, {"client": writing.client_called}, at="Goal.lifecycleStatus")
            return
