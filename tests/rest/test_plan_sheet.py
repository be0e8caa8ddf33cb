"""The plan sheet as a page: accessible, safe, and true to the document that it is drawn from."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from sharedplan.care.belonging import belonging
from sharedplan.care.sheet.sheet import sheet
from sharedplan.care.sheet.words import SHEET
from sharedplan.care.situation import Situation
from sharedplan.demo import world
from sharedplan.interactions.composition import composition
from sharedplan.rest.pages.html import element
from sharedplan.rest.pages.sheet import CONTENT_SECURITY, STYLE, page

Json = dict[str, Any]
BASE = "https://plan.example/fhir"
AT = datetime(2026, 11, 27, 10, tzinfo=UTC)
VOID = {"meta", "wbr", "link", "br", "img"}


def of(client: str) -> dict[str, Json]:
    def is_of(resource: Json) -> bool:
        named = [(resource.get(each) or {}).get("reference") for each in ("subject", "patient", "for")]
        return {each for each in named if each} <= {f"Patient/{client}"}

    found = {name: each for name, each in world.resources().items() if is_of(each)}
    return {name: each for name, each in found.items() if not name.startswith("Patient/") or name.endswith(client)}


def drawn(client: str, language: str, changes: dict[str, Json] | None = None) -> str:
    resources = {**of(client), **(changes or {})}
    whole = Situation(AT, resources, f"Patient/{client}", f"CarePlan/{client}", base=BASE)
    names = belonging(whole)
    situation = Situation(AT, {each: resources[each] for each in names}, whole.client, whole.plan, base=BASE)
    made = composition(situation, sheet(situation, language), id="c", names=names, controller=None)
    entries = [{"resource": made}, *({"resource": resources[each]} for each in names)]
    return page(json.dumps({"type": "document", "timestamp": AT.isoformat(), "entry": entries}), BASE)


class Read(HTMLParser):
    """A page as a reader of the screen meets it: the elements with their attributes, and whether all are closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.parametrize("client", ["aino", "pekka", "riitta", "eetu", "mikael"])
@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_it_has_a_language_landmarks_one_heading_and_tables_that_can_be_read_aloud(client: str, language: str) -> None:
    read = Read(drawn(client, language))
    assert read.open == []
    assert [each["lang"] for each in read.all("html")] == [language]
    assert [len(read.all(each)) for each in ("header", "main", "h1", "title")] == [1, 1, 1, 1]
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch("h[1-6]", tag)]
    assert all(following - level <= 1 for level, following in pairwise(levels))
    ids = [each["id"] for _, each in read.elements if "id" in each]
    assert len(ids) == len(set(ids))
    assert {each["aria-labelledby"] for each in read.all("section")} == set(ids)
    assert read.all("th") and all(each["scope"] in ("col", "row") for each in read.all("th"))
    assert not {"script", "img", "iframe", "form", "link", "object"} & {tag for tag, _ in read.elements}
    assert not any(name.startswith("on") or name == "style" for _, each in read.elements for name in each)


def test_it_tells_what_a_client_asks() -> None:
    text = drawn("aino", "fi")
    for said in (
        *("Aino Heikkilä", "Omatyöntekijä", "Sari Lehtonen", "torstai 21.1.2027", "Lehtorannan sosiaaliasema"),
        *("Nukun yöni niin, että jaksan lähteä ulos joka päivä.", "Aino Heikkilä: eri mieltä", "3 viikon välein"),
        *("En halua arviota vielä.", "Odottaa Ainon omaa päätöstä", "Kantapöytä ry", "toistaiseksi"),
        *("mailto:sari.lehtonen@jarvimaa.example", "sitkeä ja hyvä kokki", "suunnitelma, tiimi ja tehtävät"),
    ):
        assert said.lower() in text.lower(), said
    assert "Ville Koskinen" not in text  # who has left the team
    assert "Osa tiedoista ei näy" not in text


def test_what_is_sent_is_text_and_never_markup() -> None:
    plan = world.resources()["CarePlan/aino"]
    evil = "<script>alert(1)</script><b onclick='x'>\"&"
    contact = [{"system": "url", "value": "javascript:alert(1)"}, {"system": "email", "value": '"><script>@x'}]
    text = drawn(
        "aino",
        "fi",
        {
            "CarePlan/aino": {**plan, "title": evil, "description": evil},
            "Practitioner/sari": {**world.resources()["Practitioner/sari"], "telecom": contact},
        },
    )
    read = Read(text)
    assert not read.all("script") and not read.all("b")
    assert "javascript:" not in "".join(str(each.get("href")) for each in read.all("a"))
    assert "&lt;script&gt;alert(1)" in text


def test_what_the_plan_says_in_finnish_is_marked_so_on_a_page_in_another_language() -> None:
    read = Read(drawn("aino", "sv"))
    assert read.all("h1") == [{"lang": "fi"}]
    assert all(each == {"lang": "fi"} for each in read.all("h3"))
    for said in ("Odottaa Ainon omaa päätöstä", "Maksusuunnitelma vuokrarästeistä", "Arvio tehty ja käyty läpi"):
        assert re.search(f'lang="fi">{said}', drawn("aino", "sv")), said
    assert Read(drawn("aino", "fi")).all("h1") == [{}]


def test_the_policy_allows_the_style_in_the_page_and_nothing_else() -> None:
    assert CONTENT_SECURITY.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in CONTENT_SECURITY and "script-src" not in CONTENT_SECURITY
    assert f"<style>{STYLE}</style>" in drawn("aino", "fi")
    assert "@page" in STYLE and "A4" in STYLE and "max-width: 40rem" in STYLE
    assert "url(" not in STYLE and "</" not in STYLE


def luminance(color: str) -> float:
    color = "".join(2 * each for each in color) if len(color) == 3 else color
    parts = [int(color[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_each_text_stands_out_from_its_ground() -> None:
    names = dict(re.findall(r"--(\w+): #([0-9a-f]{3,6});", STYLE))

    def color(value: str) -> str:
        return names[value[6:-1]] if value.startswith("var(") else value.removeprefix("#")

    tried = 0
    for rule in re.findall(r"\{([^{}]*)\}", STYLE):
        said = dict(re.findall(r"(?:^|[;\s])(color|background): (#[0-9a-f]{3,6}|var\(--\w+\))", rule))
        if "color" not in said:
            continue
        grounds = [color(said["background"])] if "background" in said else ["fff", names["pale"]]
        for ground in grounds:
            high, low = sorted((luminance(color(said["color"])), luminance(ground)), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, rule
            tried += 1
    assert tried > 8


def test_every_word_is_there_in_three_languages() -> None:
    assert all(len(words) == 3 and all(words) for words in SHEET.values())
    fields = [{tuple(re.findall(r"\{\w+\}", each)) for each in words} for words in SHEET.values()]
    assert all(len({frozenset(each) for each in found}) == 1 for found in fields)


def test_attributes_are_escaped() -> None:
    assert element("a", "<x>", href='"&') == '<a href="&quot;&amp;">&lt;x&gt;</a>'
