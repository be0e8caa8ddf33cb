"""That the team is complete, and that one person answers for it: administrations, the pair, the coordinator."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sharedplan.care.finding import Words
from sharedplan.care.review import dates
from sharedplan.care.review.crew import NAMES, Member
from sharedplan.care.review.membership import roles_in_words
from sharedplan.care.review.naming import listed, words_listed
from sharedplan.care.review.rule import Said, broken, met, refused, rule
from sharedplan.care.review.view import View
from sharedplan.search.values.date import EARLIEST, LATEST

PAIR = ("social-instructor", "nurse")
OF_MIND = ("mental-health", "substance-services")
"""Roles of mental health and substance services."""


@rule("R0.7", source="moniammatillinen ja hallintorajat ylittävä asiantuntijaryhmä", needs=("CareTeam",))
def the_team_crosses_administrations(view: View) -> Iterator[Said]:
    """Social care and health care both have an active member; roles of the model that nobody fills are named."""
    found = view.crew.by_administration
    lacking = [each for each in ("social", "health") if each not in found]
    unfilled = [each for each in (view.model.roles if view.model is not None else ()) if each not in view.crew.roles]
    if lacking:
        yield broken(
            "Tiimistä puuttuu {lacking}: se ei ylitä hallintorajoja.",
            "Teamet saknar {lacking}: det överskrider inte förvaltningsgränserna.",
            "The team lacks {lacking}: it does not cross administrations.",
            at="CareTeam.participant",
            lacking=words_listed(NAMES[each] for each in lacking),
        )
    else:
        yield met(
            "Tiimi ylittää hallintorajat: {found}.",
            "Teamet överskrider förvaltningsgränserna: {found}.",
            "The team crosses administrations: {found}.",
            found=_by_administration(found.items()),
        )
    if unfilled:
        yield met(
            "Mallin rooleista on täyttämättä: {roles}.",
            "Av modellens roller är obesatta: {roles}.",
            "Of the roles of the model nobody fills: {roles}.",
            roles=roles_in_words(unfilled),
        )


def _by_administration(found: Iterable[tuple[str, list[Member]]]) -> Words:
    rows: list[Words] = []
    for each, members in found:
        who = ", ".join(dict.fromkeys(member.called for member in members))
        fi, sv, en = NAMES[each]
        rows.append((f"{fi} ({who})", f"{sv} ({who})", f"{en} ({who})"))
    return words_listed(rows)


@rule("R2.3", source="tavataan sote-työparina (sosiaaliohjaaja ja sairaanhoitaja)", needs=("CareTeam",))
def the_pair_is_a_social_instructor_and_a_nurse(view: View) -> Iterator[Said]:
    """Both are active members."""
    lacking = [each for each in PAIR if each not in view.crew.roles]
    if lacking:
        yield broken(
            "Työpari ei ole täysi: puuttuu {lacking}.",
            "Arbetsparet är inte komplett: {lacking} saknas.",
            "The pair is not complete; missing: {lacking}.",
            at="CareTeam.participant",
            lacking=roles_in_words(lacking),
        )
        return
    yield met(
        "Työpari on täysi: {who}.",
        "Arbetsparet är komplett: {who}.",
        "The pair is complete: {who}.",
        who=listed(each.called for each in view.crew.people if each.roles & set(PAIR)),
    )


@rule("R3.4", source="yhteistyössä asiakkaan ja mielenterveys- ja päihdepalvelujen kanssa", needs=("CareTeam",))
def the_team_holds_social_care_and_mental_health_or_substance_services(view: View) -> Iterator[Said]:
    """For the assessment is done by both, with the client."""
    social = view.crew.by_administration.get("social", [])
    of_mind = [
        each
        for each in view.crew.people
        if each.roles & set(OF_MIND) or "mental-health-substance-services" in each.kinds
    ]
    lacking = [NAMES["social"]] if not social else []
    lacking += [_OF_MIND] if not of_mind else []
    if lacking:
        yield broken(
            "Tiimistä puuttuu: {lacking}.",
            "Teamet saknar: {lacking}.",
            "The team lacks: {lacking}.",
            at="CareTeam.participant",
            lacking=words_listed(lacking),
        )
        return
    yield met(
        "Tiimissä on sosiaalihuolto ({social}) ja mielenterveys- tai päihdepalvelut ({mind}).",
        "I teamet finns socialvården ({social}) och mentalvårds- eller missbrukartjänster ({mind}).",
        "The team holds social care ({social}) and mental health or substance services ({mind}).",
        social=listed(each.called for each in social),
        mind=listed(each.called for each in of_mind),
    )


_OF_MIND: Words = (
    "mielenterveys- tai päihdepalvelut",
    "mentalvårds- eller missbrukartjänster",
    "mental health or substance services",
)


@rule(
    "R4.1",
    source="Asiakkaan omatyöntekijä koordinoi tiimin toimintaa; sosiaalihuoltolaki 42 §",
    needs=("CareTeam",),
)
def exactly_one_own_worker_coordinates(view: View) -> Iterator[Said]:
    """One now, none missing in between, the same as the customership names; and who it was when."""
    now, said = view.crew.coordinators, refused if view.is_active else met
    if not now:
        yield said(
            "Tiimillä ei ole nyt omatyöntekijää, joka koordinoi sitä.",
            "Teamet har just nu ingen egen kontaktperson som koordinerar det.",
            "The team has no own worker now who coordinates it.",
            **({"at": "CareTeam.participant"} if view.is_active else {}),
        )
    elif len(now) > 1:
        yield refused(
            "Tiimillä on useampi kuin yksi koordinoija: {who}.",
            "Teamet har fler än en koordinator: {who}.",
            "The team has more than one coordinator: {who}.",
            at="CareTeam.participant",
            who=listed(each.called for each in now),
        )
    else:
        yield met(
            "Omatyöntekijä on {who}.",
            "Egen kontaktperson är {who}.",
            "The own worker is {who}.",
            who=now[0].called,
        )
    yield from _of_the_episode(view, now)
    yield from _history(view)


def _of_the_episode(view: View, now: list[Member]) -> Iterator[Said]:
    episode = view.situation.get(view.situation.episode) or {}
    manager = episode.get("careManager")
    if manager is None or len(now) != 1:
        return
    own = view.crew.grants_of(now[0].name)[0]
    if view.situation.name_of(manager) not in own:
        yield broken(
            "Asiakkuudessa omatyöntekijäksi on merkitty {manager}, mutta tiimiä koordinoi {who}.",
            "I klientrelationen är {manager} antecknad som egen kontaktperson, men teamet koordineras av {who}.",
            "The customership names {manager} as own worker, but {who} coordinates the team.",
            at="EpisodeOfCare.careManager",
            manager=view.situation.called(manager),
            who=now[0].called,
        )


def _history(view: View) -> Iterator[Said]:
    """Who was responsible when, and where nobody was."""
    held = [
        (*found, each.called)
        for each in view.crew.everybody
        if each.is_coordinator and (found := dates.extent(each.period)) is not None
    ]
    if len(held) < 2:
        return
    until: datetime | None = None
    told: list[Words] = []
    for low, high, who in sorted(held):
        if until is not None and low > until and low <= view.at:
            yield broken(
                "Omatyöntekijää ei ollut {start}–{end}.",
                "Ingen egen kontaktperson fanns {start}–{end}.",
                "There was no own worker from {start} to {end}.",
                at="CareTeam.participant",
                start=dates.said(until),
                end=dates.said(low),
            )
        until = high if until is None else max(until, high)
        told.append(_span(who, low, high))
    yield met(
        "Omatyöntekijät: {who}.",
        "Egna kontaktpersoner: {who}.",
        "Own workers: {who}.",
        who=words_listed(told),
    )


def _span(who: str, low: datetime, high: datetime) -> Words:
    """Somebody with the time: "Sari 1.2.2026–", as the Finnish write it."""
    start = dates.said(low) if low > EARLIEST else ("", "", "")
    end = dates.said(high - timedelta(microseconds=1)) if high < LATEST else ("", "", "")
    return (f"{who} {start[0]}–{end[0]}", f"{who} {start[1]}–{end[1]}", f"{who} {start[2]} – {end[2]}".rstrip())
