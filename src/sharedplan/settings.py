"""Every knob of the service, typed: environment variables `SHAREDPLAN_*`, or the same names in a `.env` file.

Read once, where a process begins. `.env.example` lists every setting with a comment; a test compares the two.
Timeouts nest: the database's are shorter than the request's, which is shorter than a proxy's usual 15 seconds.
"""

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

OWN_AUDIENCE = "urn:sharedplan:fhir"
"""The audience of the service's own tokens: `sharedplan token` cannot know at which address a service runs."""


def _in_seconds(value: Any) -> Any:
    """A bare number is seconds; ISO 8601 durations ("PT10S") are read as they are."""
    if isinstance(value, str) and value.replace(".", "", 1).isdecimal():
        return timedelta(seconds=float(value))
    return value


Duration = Annotated[timedelta, BeforeValidator(_in_seconds), Field(gt=timedelta(0))]
Pause = Annotated[timedelta, BeforeValidator(_in_seconds), Field(ge=timedelta(0))]


class TrustedIssuer(BaseModel):
    """Somebody else whose tokens are accepted, and the public keys they are checked with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    iss: str = Field(min_length=1)
    jwks: dict[str, Any] | None = None
    jwks_file: Path | None = None
    audience: str | None = None

    @model_validator(mode="after")
    def _has_keys_from_one_place(self) -> Self:
        if (self.jwks is None) == (self.jwks_file is None):
            raise ValueError("an issuer needs either jwks or jwks_file")
        return self


class Settings(BaseSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix="SHAREDPLAN_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
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

    # What FHIR leaves to the server
    references: Literal["warn", "enforce"] = "warn"
    if_match: Literal["optional", "required"] = "optional"

    # Tokens
    audience: str | None = None
    issuers: tuple[TrustedIssuer, ...] = ()
    own_issuer: bool | None = None
    token_lifetime: Duration = timedelta(hours=1)
    token_lifetime_limit: Duration = timedelta(hours=12)
    foreign_token_lifetime_limit: Duration = timedelta(minutes=5)
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

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("the address of a PostgreSQL, as postgresql://user:password@host:5432/name")
        return value

    @model_validator(mode="after")
    def _hold_together(self) -> Self:
        if self.environment == "production":
            if self.own_issuer:
                raise ValueError("own_issuer signs tokens for anybody who can run a command here: not in production")
            if self.access != "consent":
                raise ValueError("access by scopes alone opens every client to every professional: not in production")
            if not self.issuers:
                raise ValueError("production needs issuers: whose tokens are accepted, and their public keys")
        if self.own_issuer and self.issuers:
            raise ValueError("own_issuer is for development without other issuers: leave one of them out")
        if self.page_size > self.page_size_limit:
            raise ValueError("page_size is larger than page_size_limit")
        if len({issuer.iss for issuer in self.issuers}) < len(self.issuers):
            raise ValueError("issuers names one issuer twice")
        return self

    @property
    def base(self) -> str:
        """The FHIR base URL, without a trailing slash: what goes into Location, fullUrl and links."""
        return self.base_url or f"{self.origin}/fhir"

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
        """Whether `sharedplan token` works here: in development, when nobody else's tokens are trusted."""
        if self.own_issuer is not None:
            return self.own_issuer
        return self.environment == "development" and not self.issuers

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address that is listened on."""
        ip = _address(self.host)
        return self.host == "localhost" if ip is None else ip.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The host as an IP address; None when it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
