"""Everything that can go wrong, as one tree; each class knows its issue code and its HTTP status.

    SharedplanError
    ├── Incorrect          invalid            400   the request cannot be understood
    ├── Unauthenticated    login              401   nobody we know is asking
    ├── Refused            forbidden          403   known, but not allowed
    ├── NotFound           not-found          404   never there, or not theirs to see
    ├── NotOffered         not-supported      405   understood, but this service does not do it
    ├── NotAcceptable      not-supported      406   no representation that the client would take
    ├── TooSlow            timeout            408   the body did not come in time
    ├── Conflict           conflict           409   collides with what is stored or with another writer
    ├── Gone               deleted            410   was there, was deleted
    ├── VersionMismatch    conflict           412   If-Match names another version than the current one
    ├── ManyMatches        multiple-matches   412   a condition selects more than one resource
    ├── TooLarge           too-long           413   the body is larger than the limit
    ├── WrongMediaType     not-supported      415   the body is of a kind we do not read
    ├── Unprocessable      business-rule      422   read, but breaks rules; carries every issue found
    ├── PreconditionNeeded required           428   the setting asks for If-Match and there was none
    ├── Throttled          throttled          429   too many requests from this client
    ├── Fault              exception          500   our mistake
    └── Unavailable        transient          503   try again; carries the seconds to wait

https://hl7.org/fhir/R4/operationoutcome.html, https://hl7.org/fhir/R4/http.html#Status-Codes
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Issue:
    """One OperationOutcome.issue.

    `at` is the FHIRPath of the element ("CarePlan.activity[2].detail.status"); None when no element is to blame.
    `rule` is a (system, code) pair for details.coding, when a named rule speaks. `translations` are (language, text)
    pairs of what is said, beside the English.
    """

    code: str
    saying: str
    at: str | None = None
    severity: str = "error"
    rule: tuple[str, str] | None = None
    translations: tuple[tuple[str, str], ...] = ()

    def said_in(self, language: str) -> "Issue":
        """The same said in that language, as far as it can be; the English is among the translations then."""
        found = dict(self.translations).get(language)
        if found is None:
            return self
        others = tuple(each for each in self.translations if each[0] != language)
        return replace(self, saying=found, translations=(("en", self.saying), *others))


class SharedplanError(Exception):
    """The root: raised where we know, caught at the edges."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "exception"

    def __init__(self, saying: str = "", *, at: str | None = None, issues: Sequence[Issue] = ()) -> None:
        self.issues: tuple[Issue, ...] = tuple(issues) or (Issue(self.code, saying, at),)
        super().__init__(saying or "; ".join(issue.saying for issue in self.issues))


class Incorrect(SharedplanError):
    status, code = 400, "invalid"


class Unauthenticated(SharedplanError):
    status, code = 401, "login"


class Refused(SharedplanError):
    status, code = 403, "forbidden"


class NotFound(SharedplanError):
    status, code = 404, "not-found"


class NotOffered(SharedplanError):
    status, code = 405, "not-supported"

    def __init__(self, saying: str, *, allow: Sequence[str] = (), at: str | None = None) -> None:
        """`allow`: the HTTP methods that the address does take, for the Allow header."""
        super().__init__(saying, at=at)
        self.allow = tuple(allow)


class NotAcceptable(SharedplanError):
    status, code = 406, "not-supported"


class TooSlow(SharedplanError):
    status, code = 408, "timeout"


class Conflict(SharedplanError):
    status, code = 409, "conflict"


class Gone(SharedplanError):
    status, code = 410, "deleted"

    def __init__(self, saying: str, *, version: int) -> None:
        """`version`: that of the deletion, for the ETag."""
        super().__init__(saying)
        self.version = version


class VersionMismatch(SharedplanError):
    status, code = 412, "conflict"


class ManyMatches(SharedplanError):
    status, code = 412, "multiple-matches"


class TooLarge(SharedplanError):
    status, code = 413, "too-long"


class WrongMediaType(SharedplanError):
    status, code = 415, "not-supported"


class Unprocessable(SharedplanError):
    status, code = 422, "business-rule"


class PreconditionNeeded(SharedplanError):
    status, code = 428, "required"


class Throttled(SharedplanError):
    status, code = 429, "throttled"

    def __init__(self, saying: str, *, retry_after: int = 1) -> None:
        """`retry_after`: seconds."""
        super().__init__(saying)
        self.retry_after = retry_after


class Fault(SharedplanError):
    status, code = 500, "exception"


class Unavailable(SharedplanError):
    status, code = 503, "transient"

    def __init__(self, saying: str, *, retry_after: int = 1) -> None:
        """`retry_after`: seconds."""
        super().__init__(saying)
        self.retry_after = retry_after
