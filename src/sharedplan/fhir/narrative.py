"""The narrative's XHTML: what may stand in it, and what would act when a browser shows it.

Whatever is not allowed is refused and never taken out, for the narrative is kept byte for byte. It is read as the XML
it has to be; comments that HTML reads otherwise, CDATA and processing instructions are refused too, so that a browser
that reads it as HTML finds the same elements. https://hl7.org/fhir/R4/narrative.html#xhtml
"""

import re
from collections.abc import Iterator, Mapping
from xml.parsers import expat

XHTML = "http://www.w3.org/1999/xhtml"
MANY = 20


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ELEMENTS = _words(
    "a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4"
    " h5 h6 hr i img kbd li map ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var"
)
ATTRIBUTES = _words(
    "abbr accesskey align axis char charoff class colspan dir headers id lang rowspan scope span style tabindex title"
    " valign width xml:lang"
)
ATTRIBUTES_OF: Mapping[str, frozenset[str]] = {
    "a": _words("charset coords href hreflang name rel rev shape type"),
    "area": _words("alt coords href nohref shape"),
    "blockquote": frozenset({"cite"}),
    "div": frozenset({"xmlns"}),
    "img": _words("alt border height ismap longdesc src usemap"),
    "map": frozenset({"name"}),
    "pre": frozenset({"xml:space"}),
    "q": frozenset({"cite"}),
    "table": _words("border cellpadding cellspacing frame rules summary"),
    "td": frozenset({"nowrap"}),
}
LINKS = frozenset({"href", "cite", "longdesc"})
LINK_SCHEMES = frozenset({"http", "https", "mailto", "tel", "urn"})

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\ufeff]")
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)
_ACTIVE_CSS = re.compile(
    r"url\s*\(|image(?:-set)?\s*\(|expression\s*\(|javascript:|behaviou?r\s*:|-moz-binding|@|\\", re.I
)


class _Refused(Exception):
    """Nothing more can be learnt from the rest."""


def faults(div: str) -> list[str]:
    """Sentences on what is wrong with a Narrative.div, at most about twenty; empty when it may be kept and shown."""
    reader = _Reader()
    try:
        reader.read(div)
    except _Refused as refused:
        return [*reader.found, str(refused)]
    except UnicodeEncodeError:
        return ["The narrative holds half a character (a lone surrogate)."]
    except expat.ExpatError as fault:
        return [*reader.found, _in_words(fault)]
    if not reader.found and not reader.has_content:
        return ["The narrative's div is empty; it should say something, or the whole text be left out."]
    return reader.found


class _Reader:
    """One pass over one div."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.has_content = False
        self._is_inside = False

    def read(self, div: str) -> None:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._element
        parser.CharacterDataHandler = self._text
        parser.CommentHandler = self._comment
        parser.StartDoctypeDeclHandler = self._declaration
        parser.XmlDeclHandler = self._declaration
        parser.ProcessingInstructionHandler = self._declaration
        parser.StartCdataSectionHandler = self._cdata
        parser.Parse(div.encode(), True)

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        if not self._is_inside:
            self._is_inside = True
            if name != "div":
                raise _Refused("The narrative should be one div element.")
        if name not in ELEMENTS:
            self._refuse(f"<{name[:30]}> may not stand in a narrative.")
        elif name == "img":
            self.has_content = True
        for attribute, value in attributes.items():
            if attribute not in ATTRIBUTES and attribute not in ATTRIBUTES_OF.get(name, ()):
                self._refuse(f"The attribute {attribute[:30]} may not stand on <{name[:30]}> in a narrative.")
            else:
                for saying in _faults_of(attribute, value):
                    self._refuse(saying)

    def _text(self, text: str) -> None:
        if not self.has_content and text.strip():
            self.has_content = True

    def _comment(self, text: str) -> None:
        if text.startswith((">", "->")):  # ends the comment at once for HTML: what follows would come alive
            self._refuse("A comment in the narrative starts with > or ->, where HTML would end it.")

    def _declaration(self, *_: object) -> None:
        raise _Refused("A narrative is one div: no XML declaration, DOCTYPE, entities or processing instructions.")

    def _cdata(self) -> None:
        raise _Refused("CDATA may not stand in a narrative; write &lt; and &amp; instead.")

    def _refuse(self, saying: str) -> None:
        if saying not in self.found:
            self.found.append(saying)
        if len(self.found) >= MANY:
            raise _Refused("There may be more that is wrong with the narrative.")


def _faults_of(attribute: str, value: str) -> Iterator[str]:
    """What is wrong with the value of an attribute that may stand there."""
    if attribute == "xmlns" and value != XHTML:
        yield f"The narrative's namespace should be {XHTML}."
    elif attribute == "style" and _ACTIVE_CSS.search(_CSS_COMMENT.sub("", value)):
        yield "A style in the narrative may not load or run anything (url, expression, @import, escapes)."
    elif attribute in LINKS:
        scheme = _SCHEME.match(_INVISIBLE.sub("", value))
        if scheme is not None and scheme[1].lower() not in LINK_SCHEMES:
            yield f"A link in the narrative may not begin with {scheme[1][:20]}:."
    elif attribute == "src":
        plain = _INVISIBLE.sub("", value).replace("\\", "/")
        if plain.startswith("//") or (_SCHEME.match(plain) and not _PICTURE.fullmatch(plain)):
            yield (
                "An image in the narrative may not be loaded from elsewhere; it may be contained (#id), relative, or"
                " data:image/png, jpeg, gif or webp in base64."
            )
    elif attribute == "usemap" and not value.startswith("#"):
        yield "usemap should name a map of the same narrative, as #map."


def _in_words(fault: expat.ExpatError) -> str:
    said = expat.errors.messages.get(fault.code, fault.code)
    if said == expat.errors.XML_ERROR_UNDEFINED_ENTITY:
        said = "undefined entity; XHTML here knows no names like &nbsp;, write the character or &#160;"
    return (
        f"The narrative is not well-formed XHTML: {said} (line {fault.lineno}, column {fault.offset + 1} of the div)."
    )
