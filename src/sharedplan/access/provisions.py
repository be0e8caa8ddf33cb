"""A Consent flattened into rules, one for each node of its tree of provisions; pure.

https://hl7.org/fhir/R4/consent.html, https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision

A nested provision acts within the limits of those around it, so a rule holds all criteria on its way from the root.
The standard says that the root has no type, and IHE PCF that it needs one. A typed root means what PCF says: its
criteria limit the consent. One with neither type nor criteria means what `policyRule` says. One with criteria and no
type can be read in two opposite ways; it is refused when saved (`care/consent.py`), and when it is in the database
after all it denies what it matches and permits nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sharedplan.access import labels, purposes
from sharedplan.access.periods import ALWAYS, Span, extent, first_and_last, validity
from sharedplan.care.consent import CRITERIA, decides
from sharedplan.fhir.exchanges import Json
from sharedplan.search.values.reference import indexed

ACTIONS = "http://terminology.hl7.org/CodeSystem/consentaction"
CATEGORY = "https://sharedplan.dev/fhir/CodeSystem/consent-category"
RESOURCE_TYPES = ("http://hl7.org/fhir/resource-types", "http://hl7.org/fhir/fhir-types", "")
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
RECIPIENTS, HOLDER, AUTHOR = frozenset({"IRCP", "PRCP"}), "CST", "AUT"

POLICIES = {"OPTIN": "permit", "OPTINR": "permit", "OPTOUT": "deny", "OPTOUTE": "deny"}
"""Codes of v3-ActCode for policyRule → what they say when the root does not."""

Criterion = tuple[tuple[str, ...], ...]
"""Groups, one for each provision on the way that has the element: each must be met, by any one of its entries.
() is no criterion; an empty group is met by nothing."""

Data = tuple[tuple[tuple[str, str], ...], ...]
"""A criterion whose entries are (meaning, reference)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one provision of a consent says, with all the criteria that it stands under.

    `at`: the first instant that dateTime may mean; from then on it is in force. `rank`: what several consents are
    ordered by: for a permit the same, for a deny the last instant that dateTime may mean, so that who says no on a
    day does not lose against a yes of that day. `performers`: who gave it. `depth`: 0 for the root.
    `classes`: resource types ("CarePlan") and profiles (URLs). `actions`, `purposes`: all that may be asked for, those
    below included; None: not said. References as the search index has them; codes and labels as "system|code".
    `is_told`: whether who asks for an explanation may know of the consent.
    """

    client: str
    consent: str
    version: int
    at: datetime
    rank: datetime
    updated: datetime
    is_ban: bool
    performers: tuple[str, ...]
    path: str
    depth: int
    effect: str  # permit | deny
    period: Span
    recipients: Criterion = ()
    holders: Criterion = ()
    authors: Criterion = ()
    actions: tuple[str, ...] | None = None
    purposes: tuple[str, ...] | None = None
    classes: Criterion = ()
    codes: Criterion = ()
    labels: Criterion = ()
    data_period: Span | None = None
    data: Data = ()
    is_told: bool = True

    @property
    def named(self) -> str:
        """The consent as it is told of."""
        return self.consent if self.is_told else "a consent that you may not see"

    @property
    def named_as_ban(self) -> str:
        return f"ban {self.consent}" if self.is_told else "ban that you may not see"

    @property
    def is_of_all_data(self) -> bool:
        """Whether nothing in it narrows which things it speaks of."""
        narrowing = (self.holders, self.authors, self.classes, self.codes, self.labels, self.data, self.data_period)
        return not any(narrowing)

    @property
    def names_things(self) -> bool:
        """Whether it says by class, or one by one, which things it is for, as whoever has a narrow view needs it to."""
        return bool(self.classes or self.data)

    @property
    def versioned(self) -> str:
        """The consent as it is referred to where the version matters: "Consent/1/_history/2"."""
        return f"{self.consent}/_history/{self.version}"


def rules_of(consent: Json, version: int, last_updated: datetime, *, base: str = "") -> tuple[Rule, ...]:
    """The rules of a Consent, from the root down; none, when it is not one that decides access.

    That is one in status active, of the scope patient-privacy, with a patient and a dateTime. `base` is this server's
    own address, as for the search index. A consent that has no id yet is "Consent/proposed".
    """
    client = _reference(consent.get("patient", {}), base)
    if not decides(consent) or client is None or "dateTime" not in consent:
        return ()
    first, last = first_and_last(consent["dateTime"])
    return tuple(
        Rule(
            client=client,
            consent=f"Consent/{consent.get('id', 'proposed')}",
            version=version,
            at=first,
            rank=first if node.effect == "permit" else last,
            updated=last_updated,
            is_ban=is_ban(consent),
            performers=tuple(r for each in consent.get("performer", ()) if (r := _reference(each, base))),
            path=node.path,
            depth=node.depth,
            effect=node.effect,
            **node.limits.criteria(node.effect),
        )
        for node in _nodes(consent, base)
    )


def asks_for_authors(rule: Rule) -> bool:
    """Whether it speaks of things by who wrote them."""
    return bool(rule.authors) or any(meaning == "authoredby" for group in rule.data for meaning, _ in group)


def is_ban(consent: Json) -> bool:
    """Whether it is a ban (kielto), which stands until it is withdrawn itself."""
    return any(
        coding.get("system") == CATEGORY and coding.get("code") == "ban"
        for category in consent.get("category", ())
        for coding in category.get("coding", ())
    )


class _Limits(NamedTuple):
    """The criteria on the way to a node."""

    period: Span = ALWAYS
    recipients: Criterion = ()
    holders: Criterion = ()
    authors: Criterion = ()
    actions: Criterion = ()
    purposes: Criterion = ()
    classes: Criterion = ()
    codes: Criterion = ()
    labels: Criterion = ()
    data_period: Span | None = None
    data: Data = ()

    def criteria(self, effect: str) -> Json:
        """The same as fields of a Rule. What nobody can understand limits no deny, and permits nothing."""
        told = self._asdict()
        if effect == "deny":
            for name, value in told.items():
                if name not in ("period", "data_period"):
                    told[name] = tuple(group for group in value if group)
        return {**told, "actions": _in_all(told["actions"]), "purposes": _in_all(told["purposes"])}

    def within(self, provision: Json, effect: str, base: str) -> "_Limits":
        """These, and those of a provision inside."""
        actors = _actors(provision, effect, base)
        data_period = extent(provision["dataPeriod"]) if "dataPeriod" in provision else None
        if data_period is not None and self.data_period is not None:
            data_period = self.data_period.meeting(data_period)
        data = tuple((e["meaning"], r) for e in provision.get("data", ()) if (r := _reference(e["reference"], base)))
        codings = [c for concept in provision.get("code", ()) for c in concept.get("coding", ()) if c.get("code")]
        return _Limits(
            period=self.period.meeting(validity(provision.get("period"))),
            recipients=self.recipients + _group(actors, RECIPIENTS),
            holders=self.holders + _group(actors, {HOLDER}),
            authors=self.authors + _group(actors, {AUTHOR}),
            actions=self.actions + _told(provision, "action", _actions(provision)),
            purposes=self.purposes + _told(provision, "purpose", _purposes(provision)),
            classes=self.classes + _told(provision, "class", map(_class, provision.get("class", ()))),
            codes=self.codes + _told(provision, "code", map(labels.label, codings)),
            labels=self.labels
            + _told(provision, "securityLabel", labels.meant(provision.get("securityLabel", ()), effect)),
            data_period=data_period or self.data_period,
            data=(*self.data, data) if provision.get("data") else self.data,
        )


class _Node(NamedTuple):
    path: str
    depth: int
    effect: str
    limits: _Limits


def _nodes(consent: Json, base: str) -> Iterator[_Node]:
    root = consent.get("provision", {})
    effect, is_clear = root.get("type"), True
    if effect is None and any(name in root for name in CRITERIA):
        effect, is_clear = "deny", False
    elif effect is None:
        effect = policy(consent)
    limits = _Limits().within(root, effect or "deny", base)
    if effect is not None:
        yield _Node("provision", 0, effect, limits)
    yield from _nested(root, "provision", 1, limits, is_clear, base)


def _nested(parent: Json, path: str, depth: int, limits: _Limits, is_clear: bool, base: str) -> Iterator[_Node]:
    for index, provision in enumerate(parent.get("provision", ())):
        here, effect = f"{path}.provision[{index}]", provision.get("type")
        understood = is_clear and effect is not None
        inside = limits.within(provision, effect or "deny", base)
        if understood or effect != "permit":
            yield _Node(here, depth, effect or "deny", inside)
        yield from _nested(provision, here, depth + 1, inside, understood, base)


def policy(consent: Json) -> str | None:
    """What policyRule says of all that no provision speaks of: permit, deny, or None when it tells nothing."""
    codings = consent.get("policyRule", {}).get("coding", ())
    known = (POLICIES.get(c.get("code", "")) for c in codings if c.get("system") == labels.SENSITIVITY)
    return next((effect for effect in known if effect is not None), None)


def _actors(provision: Json, effect: str, base: str) -> list[tuple[str, str | None]]:
    """(role, reference) of each actor; the reference None where nobody can tell whom it means.

    An actor in a role that says nothing of access is denied what a recipient would be, and is permitted nothing.
    """
    found: list[tuple[str, str | None]] = []
    for actor in provision.get("actor", ()):
        codings = actor.get("role", {}).get("coding")
        codes = {c.get("code") for c in codings or () if c.get("system", PARTICIPATION) == PARTICIPATION}
        role = next((r for r in ("IRCP", "PRCP", HOLDER, AUTHOR) if r in codes), None)
        reference = _reference(actor.get("reference", {}), base)
        if role is None and "role" in actor and effect == "permit":
            reference = None
        found.append((role or "IRCP", reference))
    return found


def _group(actors: list[tuple[str, str | None]], roles: Iterable[str]) -> Criterion:
    named = [reference for role, reference in actors if role in roles]
    return (tuple(sorted({reference for reference in named if reference is not None})),) if named else ()


def _told(provision: Json, element: str, entries: Iterable[str]) -> Criterion:
    return (tuple(sorted(set(entries))),) if provision.get(element) else ()


def _actions(provision: Json) -> Iterator[str]:
    for concept in provision.get("action", ()):
        for coding in concept.get("coding", ()):
            if coding.get("system", ACTIONS) == ACTIONS and coding.get("code"):
                yield coding["code"]


def _purposes(provision: Json) -> frozenset[str]:
    codings = provision.get("purpose", ())
    return purposes.covered(
        c["code"] for c in codings if c.get("code") and c.get("system", purposes.SYSTEM) == purposes.SYSTEM
    )


def _class(coding: Json) -> str:
    code = coding.get("code", "")
    is_plain = coding.get("system", "") in RESOURCE_TYPES or "://" in code
    return code if is_plain else labels.label(coding)


def _in_all(groups: Criterion) -> tuple[str, ...] | None:
    """What is in every group; None when there is none."""
    if not groups:
        return None
    return tuple(sorted(frozenset(groups[0]).intersection(*groups[1:])))


def _reference(reference: Json, base: str) -> str | None:
    """The reference as the search index has it; None when it is not literal, or of a contained resource."""
    text = reference.get("reference")
    return indexed(text, base) if text is not None else None
