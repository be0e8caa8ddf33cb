"""The token endpoint's decision: a client that proves itself gets a token for what it asks and may have.

SMART Backend Services: client credentials, proved by a signed assertion which is good for one time.
https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html, https://www.rfc-editor.org/rfc/rfc6749#section-5
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sharedplan.access import scopes
from sharedplan.access.assertions import Proof, proved
from sharedplan.access.clients import Client
from sharedplan.access.jws import TOKEN_LIMIT, sign, unpacked
from sharedplan.access.own_key import ISSUED_FOR, Signer
from sharedplan.access.scopes import Scope
from sharedplan.clock import Clock
from sharedplan.errors import Unauthenticated
from sharedplan.logs import log
from sharedplan.store.trail import MINOR_FAILURE, Trail
from sharedplan.store.unit_of_work import Unit

GRANT_TYPE = "client_credentials"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class NotGranted(Exception):
    """No token; `error` is the code of RFC 6749 section 5.2, the text says why. `is_recorded`: whether it is in the
    audit already, for the client has proved itself."""

    is_recorded = False

    def __init__(self, error: str, saying: str) -> None:
        super().__init__(saying)
        self.error = error


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, how long it lasts, its scopes and purpose, and whose it is."""

    token: str
    lasts: timedelta
    scope: str
    purpose: str
    client_id: str


class TokenEndpoint:
    """Who may have tokens here, and who signs them."""

    def __init__(
        self,
        clients: Mapping[str, Client],
        signer: Signer,
        begin: Callable[[], Unit],
        clock: Clock,
        *,
        token_url: str,
        audience: str,
        skew: timedelta,
    ) -> None:
        """`token_url`: the `aud` of assertions; `audience`: that of the tokens; `skew`: how far another machine's
        clock may be ahead."""
        self._clients = clients
        self._signer = signer
        self._begin = begin
        self._clock = clock
        self._token_url = token_url
        self._audience = audience
        self._skew = skew

    async def grant(self, asked: Mapping[str, str], request_id: str = "") -> Issued:
        """The token for what is asked, whose parameters are given by name.

        What is asked by a client that has proved itself is on record, granted or not; what anybody may send is left to
        the caller. Raises NotGranted, and Unavailable when the database cannot answer.
        """
        try:
            proof = await self._proof(asked)
        except NotGranted as failure:
            log.warning("token_refused", error=failure.error, reason=str(failure))
            raise
        client = proof.client
        async with self._begin() as unit:
            outcome = await self._outcome(asked, proof, unit)
            await unit.record(_trail(client, outcome, request_id))
        if isinstance(outcome, NotGranted):
            log.warning("token_refused", client=client.client_id, error=outcome.error, reason=str(outcome))
            outcome.is_recorded = True
            raise outcome
        log.info("token_issued", client=client.client_id)
        return outcome

    async def _proof(self, asked: Mapping[str, str]) -> Proof:
        """Who asks, in a way that is understood."""
        kind = asked.get("grant_type")
        if kind is None:
            raise NotGranted("invalid_request", "grant_type is missing")
        if kind != GRANT_TYPE:
            raise NotGranted("unsupported_grant_type", f"grant_type is {GRANT_TYPE}")
        if asked.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in asked:
            raise NotGranted(
                "invalid_client", f"a client proves itself by client_assertion, of the type {ASSERTION_TYPE}"
            )
        if "client_secret" in asked:
            raise NotGranted("invalid_client", "a client proves itself in one way; secrets are not taken")
        try:
            proof = await proved(
                asked["client_assertion"], self._clients, self._clock, token_url=self._token_url, skew=self._skew
            )
        except Unauthenticated as failure:
            raise NotGranted("invalid_client", str(failure)) from None
        if asked.get("client_id", proof.client.client_id) != proof.client.client_id:
            raise NotGranted("invalid_client", "client_id is another than that of the assertion")
        return proof

    async def _outcome(self, asked: Mapping[str, str], proof: Proof, unit: Unit) -> Issued | NotGranted:
        """The token, or why there is none; the assertion is used up either way."""
        if not await unit.use_up(proof.client.client_id, proof.jti, proof.until):
            return NotGranted("invalid_client", "the assertion has been used before: its jti was seen")
        try:
            return self._signed(asked, proof.client)
        except NotGranted as failure:
            return failure

    def _signed(self, asked: Mapping[str, str], client: Client) -> Issued:
        scope = " ".join(str(each) for each in _allowed(asked.get("scope", ""), client))
        purpose = asked.get("purpose_of_use", client.purposes[0])
        if purpose not in client.purposes:
            raise NotGranted("invalid_request", "the client is not registered for that purpose_of_use")
        at = int(self._clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self._signer.issuer,
            "aud": self._audience,
            "sub": client.client_id,
            "client_id": client.client_id,
            "jti": self._clock.new_id(),
            "iat": at,
            "exp": at + int(ISSUED_FOR.total_seconds()),
            "purpose_of_use": purpose,
            "scope": scope,
        }
        if client.organization is not None:
            claims["organization"] = client.organization
        if client.person is not None:
            claims["fhirUser"] = client.person
        token = sign(claims, self._signer.keys[0])
        if len(token) > TOKEN_LIMIT:
            raise NotGranted("invalid_scope", "these scopes make a token too long: ask for fewer")
        return Issued(token, ISSUED_FOR, scope, purpose, client.client_id)


def claimed_client(asked: Mapping[str, str]) -> str:
    """Who the asker says that he is, unproved; empty when he does not."""
    try:
        found = unpacked(asked.get("client_assertion", "").encode()).claims.get("iss")
    except Exception:  # whatever is wrong with it is told when it is looked at
        return ""
    return found[:255] if isinstance(found, str) else ""


def _allowed(text: str, client: Client) -> tuple[Scope, ...]:
    """The scopes that are both asked for and allowed."""
    try:
        asked = scopes.parse(text)
    except Unauthenticated as failure:
        raise NotGranted("invalid_scope", str(failure)) from None
    found = scopes.common(asked, client.scopes)
    if not found:
        why = "none of the scopes is one that the client is registered for" if asked else "scope is missing"
        raise NotGranted("invalid_scope", why)
    return found


def _trail(client: Client, outcome: Issued | NotGranted, request_id: str) -> Trail:
    """The audit row: who asked, and what for or why not."""
    trail = Trail(
        interaction="token",
        action="E",
        client_id=client.client_id,
        organization=client.organization,
        person=client.person,
        request_id=request_id or None,
    )
    if isinstance(outcome, NotGranted):
        return trail._replace(outcome=MINOR_FAILURE, reasons=(str(outcome),))
    return trail._replace(purpose=outcome.purpose, reasons=(f"granted {outcome.scope}",))
