"""The demo world goes in as record systems would write it, and keeps the rules of its service models."""

from exchange.asking import Ask
from exchange.cast import system
from sharedplan.demo import world
from sharedplan.errors import SharedplanError
from sharedplan.fhir import json_text


async def test_the_demo_world_keeps_the_rules(ask: Ask) -> None:
    broken: list[str] = []
    for part in world.PARTS:
        try:
            await ask("transaction", "", json_text.read(part.text), by=system(part.organization))
        except SharedplanError as failure:
            broken += [f"{part.name}: {each.rule and each.rule[1]} {each.at} {each.saying}" for each in failure.issues]
    assert broken == []
