"""HTML written by hand: elements whose texts and attributes are always escaped. https://html.spec.whatwg.org/"""

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Part = str | Markup | None
"""A text, which is escaped, or HTML; None is nothing."""


def element(name: str, *inside: Part, **attributes: str | None) -> Markup:
    """An element with its attributes, those that are None left out; `class_` and `data_label` lose or change the
    underscore."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>{joined(inside)}</{name}>")


def joined(parts: Iterable[Part], between: str = "") -> Markup:
    """The parts one after another."""
    return Markup(escape(between).join(each if isinstance(each, Markup) else escape(each) for each in parts if each))


def each_in(name: str, items: Iterable[Part], **attributes: str | None) -> Markup | None:
    """A list element with an item for each; None for none."""
    listed = [element("li", each) for each in items if each]
    return element(name, *listed, **attributes) if listed else None
