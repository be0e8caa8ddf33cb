"""Which media type a body is in, and which one the answer shall have. https://hl7.org/fhir/R4/http.html#mime-type"""

from functools import lru_cache

from sharedplan.errors import NotAcceptable, WrongMediaType

FHIR_JSON = "application/fhir+json"
PLAIN_JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
FORM = "application/x-www-form-urlencoded"
HTML = "text/html"

_TAKEN = {FHIR_JSON: FHIR_JSON, PLAIN_JSON: PLAIN_JSON, "text/json": FHIR_JSON, "*/*": FHIR_JSON}
_RANGES = _TAKEN | {"application/*": FHIR_JSON, "text/*": FHIR_JSON}
_FORMATS = _TAKEN | {"json": FHIR_JSON, "application/fhir json": FHIR_JSON}  # a "+" left bare in a URL is a space
_PAGES = {"html": HTML, HTML: HTML}
_VERSIONS = ("4.0", "4.0.1")
_SERVED = "answers are application/fhir+json (or application/json), of FHIR 4.0; there is no XML and no Turtle"
_SERVED_AS_PAGE = f"{_SERVED}; this one is there as text/html, too"


@lru_cache(maxsize=256)
def answer_type(accept: str, format: str | None, *, has_page: bool = False) -> str:
    """The media type of the answer, by `_format` if it is there, else by the Accept header ("" when absent).
    `has_page`: it is there as a page, too.

    Raises NotAcceptable.
    """
    served = _SERVED_AS_PAGE if has_page else _SERVED
    formats = _FORMATS | _PAGES if has_page else _FORMATS
    ranges = _RANGES | {HTML: HTML} if has_page else _RANGES
    if format is not None:
        name, parameters = _split(format)
        if name not in formats or not _version_fits(parameters):
            raise NotAcceptable(f"_format={format[:100]!r} is not served: {served}")
        return formats[name]
    if not accept.strip():
        return FHIR_JSON
    best, best_weight = None, 0.0
    for choice in accept.split(","):
        name, parameters = _split(choice)
        weight = _weight(parameters.get("q", "1"))
        if name in ranges and weight > best_weight and _version_fits(parameters):
            best, best_weight = ranges[name], weight
    if best is None:
        raise NotAcceptable(f"nothing that Accept names is served: {served}")
    return best


@lru_cache(maxsize=256)
def body_type(content_type: str | None, wanted: frozenset[str]) -> str:
    """The media type of a body, one of the wanted ones; text/json counts as application/json.

    Raises WrongMediaType.
    """
    if not content_type:
        raise WrongMediaType(f"the body needs a Content-Type: {', '.join(sorted(wanted))}")
    name, parameters = _split(content_type)
    name = PLAIN_JSON if name == "text/json" else name
    if name not in wanted:
        raise WrongMediaType(f"a body of {name[:100]!r} is not read here; taken: {', '.join(sorted(wanted))}")
    if parameters.get("charset", "utf-8") not in ("utf-8", "utf8", "us-ascii"):
        raise WrongMediaType("JSON is read as UTF-8 only")
    if not _version_fits(parameters):
        raise WrongMediaType("the body is read as FHIR 4.0 only")
    return name


def _split(text: str) -> tuple[str, dict[str, str]]:
    """Name and parameters of a media type, lower case, quotes taken off."""
    name, *rest = text.lower().split(";")
    pairs = (part.partition("=") for part in rest)
    return name.strip(), {key.strip(): value.strip().strip('"') for key, _, value in pairs}


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0


def _version_fits(parameters: dict[str, str]) -> bool:
    return parameters.get("fhirversion", "4.0") in _VERSIONS
