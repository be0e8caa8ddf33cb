"""The record systems that are registered here: who they act for, what they may ask for, and how they prove themselves.

https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from sharedplan.access import scopes
from sharedplan.access.fetched_keys import FetchedKeys, Fetcher
from sharedplan.access.jws import FAMILIES
from sharedplan.access.keys import BadKey, PublicKey, keys_at_hand
from sharedplan.access.principal import PURPOSES
from sharedplan.access.scopes import Scope
from sharedplan.access.tokens import PERSON
from sharedplan.clock import Clock
from sharedplan.errors import Unauthenticated
from sharedplan.settings import RegisteredClient, Settings

_ROWS = TypeAdapter(tuple[RegisteredClient, ...])


@dataclass(frozen=True, slots=True)
class Client:
    """One registered client. `keys` are at hand, by (kid, kty); or they are `fetched`."""

    client_id: str
    organization: str | None
    person: str | None
    scopes: tuple[Scope, ...]
    purposes: tuple[str, ...]
    keys: Mapping[tuple[str, str], PublicKey]
    fetched: FetchedKeys | None = None

    @property
    def jwks_url(self) -> str | None:
        """Where its keys are published, if they are."""
        return self.fetched.url if self.fetched is not None else None

    async def key(self, kid: str, algorithm: str) -> PublicKey | None:
        """The one key with that kid which fits the algorithm; asks the client's own address if it has one."""
        if self.fetched is None:
            return self.keys.get((kid, FAMILIES.get(algorithm, "")))
        found = self.fetched.at_hand(kid, algorithm)
        if found is None:
            await self.fetched.look(kid)
            found = self.fetched.at_hand(kid, algorithm)
        return found


def registered(settings: Settings, fetcher: Fetcher, clock: Clock) -> dict[str, Client]:
    """The clients of the settings, by their ids. Raises BadKey, naming the client and what is wrong with it."""
    rows = settings.clients
    if settings.clients_file is not None:
        try:
            rows = _ROWS.validate_json(settings.clients_file.read_bytes())
        except OSError as failure:
            raise BadKey(f"clients_file cannot be read: {failure}") from failure
        except ValidationError as failure:
            told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in failure.errors())
            raise BadKey(f"clients_file does not hold: {told}") from None
    found: dict[str, Client] = {}
    for row in rows:
        if row.client_id in found:
            raise BadKey(f"the client {row.client_id} is registered twice")
        found[row.client_id] = _client(row, fetcher, clock)
    return found


def _client(row: RegisteredClient, fetcher: Fetcher, clock: Clock) -> Client:
    whose = f"client {row.client_id}"
    try:
        allowed = scopes.parse(row.scopes)
    except Unauthenticated as failure:
        raise BadKey(f"the scopes of {whose} cannot be read: {failure}") from failure
    if not allowed:
        raise BadKey(f"{whose} may not ask for anything")
    if row.person is None and any(scope.context != "system" for scope in allowed):
        raise BadKey(f"{whose} has user/ or patient/ scopes, and no fhirUser that they would be for")
    if row.person is not None and not PERSON.fullmatch(row.person):
        raise BadKey(
            f"the fhirUser of {whose} is not Practitioner/ID, PractitionerRole/ID, RelatedPerson/ID, Patient/ID"
        )
    if unknown := set(row.purposes) - PURPOSES:
        raise BadKey(f"{whose}: {', '.join(sorted(unknown))} is no code of v3 PurposeOfUse")
    keys = {(key.kid, key.kty): key for key in keys_at_hand(row, whose)}
    fetched = None
    if row.jwks_url is not None:
        fetched = FetchedKeys(row.jwks_url, fetcher, clock, rsa_algorithm=row.rsa_algorithm)
    return Client(row.client_id, row.organization, row.person, allowed, row.purposes, keys, fetched)
