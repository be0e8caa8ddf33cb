"""The five stories over HTTP, each step with the outcome that the story tells; and the command that plays them.

What the stories need of the demo world and is not there, they put in.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from journeys.service import Service, free_port
from sharedplan.access.own_tokens import own_token
from sharedplan.clock import Clock, SystemClock
from sharedplan.demo.stories import playing, ways
from sharedplan.demo.stories.cast import SARI, SOCIAL_SYSTEM
from sharedplan.demo.stories.outcomes import Done, Hidden
from sharedplan.demo.stories.playing import Played, play
from sharedplan.demo.stories.setting import set_up
from sharedplan.demo.stories.shelf import STORIES
from sharedplan.demo.stories.steps import Asker, Chapter, Step, Steps, Story, get
from sharedplan.settings import Settings

REJECTED = {
    "stop": {"R0.1", "R0.3", "R1.1"},
    "posote": {"R0.4", "R3.13"},
    "kaannekohta": set(),
    "soite": {"R0.1", "R0.4", "R3.9"},
    "minun-tiimini": {"R4.1", "R4.8"},
}
"""By what rules something is refused in each story."""
CLIENTS = [story.client for story in STORIES.values()]


@pytest.fixture(scope="module")
def stage(service: Service) -> Iterator[playing.Service]:
    """The running service, as the stories ask it."""
    settings = Settings(data_dir=service.data_dir, base_url=service.base)

    def token(by: Asker) -> str:
        return own_token(
            settings,
            SystemClock(),
            client="stories",
            organization=by.organization,
            person=by.person,
            purpose=by.purpose,
        )

    asked = playing.Service(service.base.removesuffix("/fhir"), token)
    is_there = asked.ask(SOCIAL_SYSTEM, get("CarePlan/mikael")).status == 200  # another journey needed it, too
    lacking = [] if is_there else ["directory", "aino", "aino-health", "pekka", "riitta", "eetu", "mikael"]
    assert set_up(asked, *CLIENTS) == lacking
    yield asked
    asked.close()


def played(id: str, stage: playing.Service) -> list[Played]:
    """The steps of a whole play, each as the story tells it."""
    found = list(play(STORIES[id], stage, SystemClock()))
    assert not found[-1].faults, f"step {found[-1].number}, {found[-1].step.doing}: {found[-1].faults}"
    return found


@pytest.mark.parametrize("id", STORIES)
def test_the_story_comes_out_as_it_is_told(id: str, stage: playing.Service) -> None:
    steps = played(id, stage)
    refused = {rule for each in steps if each.answer.status in (409, 422) for rule, _ in each.answer.sentences("error")}
    assert refused == REJECTED[id]
    social, health, ngo = STORIES[id].systems
    changes = [dict(each.seen) for each in steps if each.seen]
    assert len(changes) > 20 and all([*each] == [social, health, ngo] for each in changes)
    assert any(each[social] and each[health] and not each[ngo] for each in changes)
    assert any(each[ngo] for each in changes) is (id != "soite")


@pytest.mark.parametrize("id", [pytest.param(id, marks=pytest.mark.long) if id != "posote" else id for id in STORIES])
def test_another_play_leaves_the_demo_client_as_the_first_did(id: str, stage: playing.Service) -> None:
    """No more of anything, nobody else on the team or let in, in whatever language. The first play is that of the test
    before."""

    def whole() -> tuple[Counter[str], list[str], list[str]]:
        plan = stage.ask(STORIES[id].systems[0], get(f"CarePlan/{STORIES[id].client}/$everything"))
        people = [
            each["member"]["reference"]
            for team in plan.resources
            for each in team.get("participant", ())
            if team["resourceType"] == "CareTeam" and "end" not in each["period"]
        ]
        consents = (each for each in plan.resources if each["resourceType"] == "Consent")
        return plan.types, people, sorted(each["id"] for each in consents if each["status"] == "active")

    before = whole()
    finnish = replace(stage, language="fi", _connection=None)
    try:
        again = list(play(goes_on(id), finnish, SystemClock()))
    finally:
        finnish.close()
    assert again[-1].faults == () and ways.BROKEN_OFF not in {each.step.doing for each in again}
    assert whole() == before and before[0]["CarePlan"] == 1 and len(before[1]) >= 2


def goes_on(id: str) -> Story:
    """The story's last chapter alone: that of the demo client."""
    return replace(STORIES[id], chapters=STORIES[id].chapters[-1:])


def test_a_play_that_is_broken_off_does_not_spoil_the_next(stage: playing.Service) -> None:
    for each in play(goes_on("posote"), stage, SystemClock()):
        if each.step.doing.startswith("takes Jari's permit back"):
            break
    again = list(play(goes_on("posote"), stage, SystemClock()))
    assert not again[-1].faults and ways.BROKEN_OFF in {each.step.doing for each in again}


def test_a_story_is_played_again_and_its_client_reads_the_log_in_swedish(stage: playing.Service) -> None:
    swedish = replace(stage, language="sv", _connection=None)
    try:
        last = list(play(goes_on("posote"), swedish, SystemClock()))[-1]
    finally:
        swedish.close()
    said = list(last.step.outcome.tells(last.answer)) if not last.faults else last.faults
    assert len(said) == 5 and any("granskade enligt modellens regler: plan" in each for each in said)


def test_a_play_ends_at_the_step_that_comes_out_otherwise(stage: playing.Service) -> None:
    def told(clock: Clock) -> Steps:
        yield Step(SARI, "finds an organisation", get(str(SARI.organization)), Done())
        yield Step(SARI, "does not find it", get(str(SARI.organization)), Hidden())
        yield Step(SARI, "goes on", get(str(SARI.organization)), Done())

    story = Story("wrong", "Wrong", "", "none", (), (Chapter("It goes wrong", told),) * 2)
    first, second = play(story, stage, SystemClock())
    assert (first.opens, second.opens) == ("It goes wrong", "")
    assert first.faults == () and second.faults == ("it is answered 200, not 404",)


def test_the_demo_world_is_put_in_once(stage: playing.Service) -> None:
    before = stage.ask(SOCIAL_SYSTEM, get("PractitionerRole?_summary=count")).body["total"]
    assert set_up(stage, *CLIENTS) == []
    assert stage.ask(SOCIAL_SYSTEM, get("PractitionerRole?_summary=count")).body["total"] == before > 10


def test_the_command_plays_a_story_in_the_language_asked_for(service: Service) -> None:
    url = service.base.removesuffix("/fhir")
    done = service.run("demo", "stop", "--url", url, "--language", "fi")
    assert done.returncode == 0, done.stderr
    assert "Jari Mäkinen ei ole asiakkaan Veikko Salonen hyväksymä" in " ".join(done.stdout.split())
    assert "POST /fhir/PlanDefinition/stop/$apply" in done.stdout and "\x1b" not in done.stdout
    assert "hidden from the NGO Kantapöytä" in done.stdout and "hidden: 2 goals" in done.stdout
    unknown = service.run("demo", "none", "--url", url)
    assert unknown.returncode == 2 and "minun-tiimini" in unknown.stderr
    away = service.run("demo", "--url", f"http://127.0.0.1:{free_port()}")
    assert away.returncode == 1 and "no service answers at" in away.stderr and "Traceback" not in away.stderr


def test_without_the_services_own_key_the_command_says_what_is_wrong(service: Service) -> None:
    other = replace(service, data_dir=service.data_dir.parent / "another")
    done = other.run("demo", "stop", "--url", service.base.removesuffix("/fhir"))
    assert done.returncode == 1 and "--data-dir" in done.stderr
