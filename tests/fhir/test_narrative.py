"""The narrative: what may stand in it is kept, what would act is refused."""

import json
from html.parser import HTMLParser

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from published import examples
from sharedplan.fhir.narrative import ATTRIBUTES, ATTRIBUTES_OF, ELEMENTS, LINK_SCHEMES, faults


def div(inside: str) -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>'


@pytest.mark.parametrize(
    "inside",
    [
        "Anna",
        "<p>a<br/>b</p>",
        "<table><tr><td style='color: gray;'>a</td></tr></table>",
        '<a href="https://x.fi">x</a>',
        '<a href="Patient/1">x</a>',
        '<a href="#p1">x</a>',
        '<a name="p1">x</a>',
        '<a href="mailto:a@x.fi">x</a>',
        '<img src="#pic" alt="x"/>',
        '<img src="photo.png"/>',
        '<img src="data:image/png;base64,iVBORw0KGgo="/>',
        "<p>&lt;script&gt; &#160; &amp;</p>",
        "<!-- a comment -->text",
        '<p xml:lang="fi" lang="fi" title="x" class="y" id="z">å</p>',
        '<p style="/* url */ color: red">x</p>',
    ],
)
def test_plain_formatting_is_allowed(inside: str) -> None:
    assert faults(div(inside)) == []


@pytest.mark.parametrize("text", [t for t in examples() if '"div":' in t])
def test_the_narratives_of_the_standard_are_allowed(text: str) -> None:
    assert faults(json.loads(text)["text"]["div"]) == []


@pytest.mark.parametrize(
    ("inside", "named"),
    [
        ("<script>alert(1)</script>", "<script>"),
        ("<SCRIPT>alert(1)</SCRIPT>", "<SCRIPT>"),
        ("<style>p{}</style>", "<style>"),
        ("<iframe src='x'/>", "<iframe>"),
        ("<object/>", "<object>"),
        ("<form><input/></form>", "<input>"),
        ("<svg><script>1</script></svg>", "<svg>"),
        ("<math/>", "<math>"),
        ("<link/>", "<link>"),
        ("<base href='x'/>", "<base>"),
        ('<x:script xmlns:x="http://www.w3.org/1999/xhtml">1</x:script>', "<x:script>"),
        ("<p onclick='x'>a</p>", "onclick"),
        ("<img src='a.png' onerror='x'/>", "onerror"),
        ("<p formaction='x'>a</p>", "formaction"),
        ("<a href='javascript:alert(1)'>x</a>", "javascript:"),
        ("<a href=' JaVaScRiPt:alert(1)'>x</a>", "JaVaScRiPt:"),
        ("<a href='java&#9;script:alert(1)'>x</a>", "javascript:"),
        ("<a href='java&#x200b;script:alert(1)'>x</a>", "javascript:"),
        ("<a href='vbscript:x'>x</a>", "vbscript:"),
        ("<a href='data:text/html,x'>x</a>", "data:"),
        ("<a href='file:///etc'>x</a>", "file:"),
        ("<blockquote cite='javascript:x'>x</blockquote>", "javascript:"),
        ("<img src='http://x/p.png'/>", "image"),
        ("<img src='//x/p.png'/>", "image"),
        ("<img src='/\\x/p.png'/>", "image"),
        ("<img src=' https://x/p.png'/>", "image"),
        ("<img src='data:image/svg+xml;base64,AAAA'/>", "image"),
        ("<img src='javascript:x'/>", "image"),
        ("<img usemap='http://x' src='a.png'/>", "usemap"),
        ("<p style='background: url(http://x)'>a</p>", "style"),
        ("<p style='background: u/**/rl(x)'>a</p>", "style"),
        ("<p style='background: u\\72l(x)'>a</p>", "style"),
        ("<p style='width: expression(alert(1))'>a</p>", "style"),
        ("<p style='behavior: url(x)'>a</p>", "style"),
        ("<p style='-moz-binding: x'>a</p>", "style"),
        ("<p style='@import x'>a</p>", "style"),
        ("<!--><script>alert(1)</script>-->a", "comment"),
        ("<!-->a-->b", "comment"),
        ("<![CDATA[><script>alert(1)</script>]]>", "CDATA"),
        ("<?php echo 1 ?>a", "processing instructions"),
        ("&nbsp;", "&#160;"),
        ("<p>a", "not well-formed"),
        ("<p a=1>a</p>", "not well-formed"),
        ("<br>a", "not well-formed"),
        (" \n", "empty"),
        ("", "empty"),
    ],
)
def test_what_acts_or_loads_is_refused_by_name(inside: str, named: str) -> None:
    assert any(named in saying for saying in faults(div(inside)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "<p>a</p>",
        "<div>a</div><div>b</div>",
        "<div>a</div>b",
        '<?xml version="1.0"?><div>a</div>',
        '<!DOCTYPE div [<!ENTITY a "b">]><div>&a;</div>',
        '<!DOCTYPE div SYSTEM "http://x"><div>a</div>',
        '<div xmlns="http://elsewhere">a</div>',
        "<div>\ud800</div>",
        "<div>" * 50_000,
    ],
)
def test_anything_but_one_div_is_refused(text: str) -> None:
    assert len(faults(text)) == 1


def test_many_faults_are_told_and_very_many_are_not() -> None:
    assert len(faults(div("<script/><p onclick=''>a</p>"))) == 2
    assert len(faults(div("".join(f"<x{number}/>" for number in range(10_000))))) < 30


def test_what_stands_in_the_narrative_is_not_repeated() -> None:
    assert "Salainen" not in " ".join(faults(div("<script>Salainen</script><p onclick='Salainen'>Salainen</p>")))


class _Tags(HTMLParser):
    """The elements and attributes that an HTML parser sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, list[str]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, [name for name, _ in attrs]))


PIECES = st.lists(
    st.sampled_from(
        "<p> </p> <b> </b> <script> </script> <!-- --> <!--> <![CDATA[ ]]> <? ?> a &lt; &amp;lt; &#60; > < \" ' <br/> "
        "<td> </td> <table> </table> <img/> <style> </style> <a&#32;href='x'> </a> <p&#32;title='&lt;b&gt;'>".replace(
            "&#32;", "\0"
        ).split()
    ).map(lambda piece: piece.replace("\0", " ")),
    max_size=12,
)


@given(PIECES.map("".join))
def test_an_html_reader_finds_nothing_else_in_what_is_allowed(inside: str) -> None:
    text = div(inside)
    if faults(text):
        return
    seen = _Tags(text).seen
    assert all(tag in ELEMENTS for tag, _ in seen)
    assert all(name in ATTRIBUTES | ATTRIBUTES_OF.get(tag, frozenset()) for tag, names in seen for name in names)
    cleaned = nh3.clean(
        text,
        tags=set(ELEMENTS),
        attributes={tag: set(ATTRIBUTES | ATTRIBUTES_OF.get(tag, frozenset())) for tag in ELEMENTS},
        url_schemes=set(LINK_SCHEMES),
        strip_comments=True,
        link_rel=None,
    )
    assert "<script" not in cleaned and "<style" not in cleaned
