"""Every knob of the service, typed: environment variables `SHAREDPLAN_*`, or the same names in a `.env` file.

Read once, where a process begins. `.env.example` lists every setting with a comment; a test compares the two.
Timeouts nest: the database's are shorter than the request's, which is shorter than a proxy's usual 15 seconds.
"""

import ipaddress
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

OWN_AUDIENCE = "urn:sharedplan:fhir"
"""The audience of the service's own tokens: `sharedplan token` cannot know at which address a service runs."""

PREFIX, OF_TESTS = "SHAREDPLAN_", "SHAREDPLAN_TEST_"


def _in_seconds(value: Any) -> Any:
    """A bare number is seconds; ISO 8601 durations ("PT10S") are read as they are."""
    if isinstance(value, str) and value.replace(".", "", 1).isdecimal():
        return timedelta(seconds=float(value))
    return value


Duration = Annotated[timedelta, BeforeValidator(_in_seconds), Field(gt=timedelta(0))]
Pause = Annotated[timedelta, BeforeValidator(_in_seconds), Field(ge=timedelta(0))]


class KeySource(BaseModel):
    """Where somebody's public keys are: here, in a file, or published at an address.

    `rsa_algorithm` is what their RSA keys are for that do not say so themselves.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    jwks: dict[str, Any] | None = None
    jwks_file: Path | None = None
    jwks_url: str | None = None
    rsa_algorithm: Literal["RS384", "RS256"] = "RS384"

    @field_validator("jwks_url")
    @classmethod
    def _is_safe(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or parts.fragment:
                raise ValueError("keys are fetched by https only, from an address without a name or a fragment in it")
        return value

    @model_validator(mode="after")
    def _has_keys_from_one_place(self) -> Self:
        if [self.jwks, self.jwks_file, self.jwks_url].count(None) != 2:
            raise ValueError("one of jwks, jwks_file and jwks_url is needed")
        return self


class TrustedIssuer(KeySource):
    """Somebody else whose tokens are accepted, and the public keys they are checked with."""

    iss: str = Field(min_length=1)
    audience: str | None = None


class RegisteredClient(KeySource):
    """A record system that gets tokens here, and the public keys that it proves itself with.

    `scopes` are all that it may ask for, parted by spaces; `purposes` likewise, the first of them when it asks for
    none. `fhirUser` is the person that it acts for, if it does so always.
    """

    client_id: str = Field(pattern=r"^[\x21-\x7e]{1,255}$")
    organization: str | None = Field(None, pattern=r"^Organization/[A-Za-z0-9\-.]{1,64}$")
    person: str | None = Field(None, alias="fhirUser")
    scopes: str = Field(min_length=1)
    purposes: tuple[str, ...] = Field(("TREAT",), min_length=1)


class Settings(BaseSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    environment: Literal["development", "production"] = "development"

    # The address
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    base_url: str | None = None
    workers: int = Field(1, ge=1, le=64)
    trusted_proxies: tuple[str, ...] = ()

    # The database
    database_url: SecretStr | None = None
    data_dir: Path = Path("var")
    pool_size: int = Field(8, ge=1, le=200)
    pool_wait: Duration = timedelta(seconds=1)
    statement_timeout: Duration = timedelta(seconds=5)
    lock_timeout: Duration = timedelta(seconds=2)
    idle_in_transaction_timeout: Duration = timedelta(seconds=10)

    # Limits of a request
    body_limit: int = Field(10 * 1024 * 1024, ge=1024)
    bodies_limit: int = Field(64 * 1024 * 1024, ge=1024)
    url_limit: int = Field(8 * 1024, ge=512)
    header_limit: int = Field(32 * 1024, ge=1024)
    bundle_entries: int = Field(1000, ge=1)
    page_size: int = Field(50, ge=1)
    page_size_limit: int = Field(1000, ge=1)
    page_lifetime: Duration = timedelta(hours=1)
    request_timeout: Duration = timedelta(seconds=10)
    queue_wait: Pause = timedelta(seconds=1)
    header_timeout: Duration = timedelta(seconds=10)
    idle_timeout: Duration = timedelta(seconds=20)
    drain_notice: Pause = timedelta(milliseconds=500)
    drain_timeout: Duration = timedelta(seconds=10)

    cursor_key: SecretStr | None = None

    # Who may see what
    access: Literal["consent", "scopes"] = "consent"
    break_glass_lasts: Annotated[Duration, Field(le=timedelta(hours=24))] = timedelta(minutes=60)

    # What the service models leave open
    attendance: Literal["everybody", "relatives"] = "everybody"

    # What FHIR leaves to the server
    references: Literal["warn", "enforce"] = "warn"
    if_match: Literal["optional", "required"] = "optional"

    # Subscriptions
    subscription_origins: tuple[str, ...] = ()
    subscription_loopback: bool | None = None
    subscription_timeout: Duration = timedelta(seconds=5)
    subscription_patience: Duration = timedelta(hours=72)
    subscription_limit: int = Field(100, ge=1)

    # Tokens
    audience: str | None = None
    issuers: tuple[TrustedIssuer, ...] = ()
    clients: tuple[RegisteredClient, ...] = ()
    clients_file: Path | None = None
    token_keys: tuple[Path, ...] = ()
    own_issuer: bool | None = None
    token_lifetime: Duration = timedelta(hours=1)
    token_lifetime_limit: Duration = timedelta(hours=12)
    foreign_token_lifetime_limit: Duration = timedelta(minutes=5)
    token_failures: int = Field(10, ge=1)
    token_failure_window: Duration = timedelta(minutes=1)
    clock_skew: Pause = timedelta(seconds=5)

    # For the operator
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    metrics_token: SecretStr | None = None

    @field_validator("base_url", "audience")
    @classmethod
    def _without_trailing_slash(cls, value: str | None) -> str | None:
        return value.rstrip("/") if value else None

    @field_validator("base_url")
    @classmethod
    def _is_an_http_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("the address clients reach the FHIR base at, as https://example.org/fhir")
        return value

    @field_validator("subscription_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            try:
                parts = urlsplit(each)
                is_one = parts.scheme == "https" and parts.hostname and each == f"https://{parts.netloc}".lower()
                is_one = is_one and "@" not in each and parts.port != 443
            except ValueError:
                is_one = False
            if not is_one:
                raise ValueError("an origin is https://host or https://host:port in small letters, without a path")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("the address of a PostgreSQL, as postgresql://user:password@host:5432/name")
        return value

    @model_validator(mode="after")
    def _hold_together(self) -> Self:
        if self.bodies_limit < self.body_limit:
            raise ValueError("bodies_limit is less than body_limit: a body that is allowed would never be taken in")
        if self.environment == "production":
            if self.own_issuer:
                raise ValueError("own_issuer signs tokens for anybody who can run a command here: not in production")
            if self.subscription_loopback:
                raise ValueError("subscription_loopback lets clients have this machine asked: not in production")
            if self.access != "consent":
                raise ValueError("access by scopes alone opens every client to every professional: not in production")
            if not self.issuers and not self.has_clients:
                raise ValueError(
                    "production needs issuers (whose tokens are accepted, and their public keys) or clients"
                )
            if not self.audience and not self.base_url:
                raise ValueError(
                    "production needs base_url or audience: tokens must say that they are for this service"
                )
            if self.has_clients and not (self.base_url or "").startswith("https://"):
                raise ValueError("clients prove themselves to an https address: set base_url")
        if self.own_issuer and (self.issuers or self.token_keys):
            raise ValueError("own_issuer is for development without other issuers and keys: leave one of them out")
        if self.has_clients and not self.token_keys and not self.signs_own_tokens:
            raise ValueError("clients get tokens that are signed here: token_keys must name the key")
        if self.clients and self.clients_file:
            raise ValueError("clients are told either here or in clients_file")
        if self.page_size > self.page_size_limit:
            raise ValueError("page_size is larger than page_size_limit")
        if len({issuer.iss for issuer in self.issuers}) < len(self.issuers):
            raise ValueError("issuers names one issuer twice")
        if self.token_keys and self.root in {issuer.iss for issuer in self.issuers}:
            raise ValueError("issuers names this service itself")
        return self

    @property
    def base(self) -> str:
        """The FHIR base URL, without a trailing slash: what goes into Location, fullUrl and links."""
        return self.base_url or f"{self.origin}/fhir"

    @property
    def root(self) -> str:
        """The address above the FHIR base, without a trailing slash: where the token endpoint is, and `iss` of what it
        issues."""
        return self.base.removesuffix("/fhir")

    @property
    def token_url(self) -> str:
        """The token endpoint: the `aud` of what clients prove themselves with."""
        return f"{self.root}/auth/token"

    @property
    def places(self) -> int:
        """Interactions that a worker has at work at once, of those that may each want a connection of their own."""
        return 2 * self.pool_size

    @property
    def plain_places(self) -> int:
        """Usual reads and searches at work at once. More, for they share connections (`store/company.py`): of 32
        readers who had 16 places each took 86 µs of the service, with 32 places 69 (measured)."""
        return 4 * self.pool_size

    @property
    def signs_tokens(self) -> bool:
        """Whether tokens are signed here, by `sharedplan token` or at the token endpoint."""
        return self.signs_own_tokens or bool(self.token_keys)

    @property
    def has_clients(self) -> bool:
        """Whether record systems are registered here."""
        return bool(self.clients) or self.clients_file is not None

    @property
    def origin(self) -> str:
        """Where the service listens, as an address that this machine can open."""
        ip = _address(self.host)
        if ip is not None and ip.is_unspecified:
            ip = ipaddress.ip_address("127.0.0.1" if ip.version == 4 else "::1")
        host = self.host if ip is None else f"[{ip}]" if ip.version == 6 else str(ip)
        return f"http://{host}:{self.port}"

    @property
    def expected_audience(self) -> str:
        """The `aud` a token must carry, unless its issuer's row says another."""
        if self.signs_own_tokens:
            return self.audience or OWN_AUDIENCE
        return self.audience or self.base

    @property
    def signs_own_tokens(self) -> bool:
        """Whether `sharedplan token` works here: in development, when nobody else's tokens and keys are trusted."""
        if self.own_issuer is not None:
            return self.own_issuer
        return self.environment == "development" and not self.issuers and not self.token_keys

    @property
    def tells_loopback(self) -> bool:
        """Whether notifications may go to this machine itself: in development, unless it is said otherwise."""
        if self.subscription_loopback is not None:
            return self.subscription_loopback
        return self.environment == "development"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address that is listened on."""
        ip = _address(self.host)
        return self.host == "localhost" if ip is None else ip.is_loopback


def unknown_names(environment: Mapping[str, str], file: Path = Path(".env")) -> dict[str, str]:
    """Names in the environment and the `.env` file that look like settings and are none, each with the nearest that
    is one, "" when none is near. Those of tests are left alone."""
    known = {name.upper() for name in Settings.model_fields}
    given = {name.upper() for name in (*environment, *dotenv_values(file))}
    ours = {name.removeprefix(PREFIX) for name in given if name.startswith(PREFIX) and not name.startswith(OF_TESTS)}
    near = {name: get_close_matches(name, known, n=1) for name in sorted(ours - known)}
    return {PREFIX + name: PREFIX + found[0] if found else "" for name, found in near.items()}


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The host as an IP address; None when it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
