"""The directory that the stories play in: that of the demo world, which is put in where it is not."""

import json

from sharedplan.demo import world
from sharedplan.demo.stories.playing import Service
from sharedplan.demo.stories.steps import Asker, Request, get


class SettingFailed(Exception):
    """The directory was not taken; the text says what the service answered."""


def set_up(service: Service) -> None:
    """Raises SettingFailed, and Unreachable when no service answers."""
    for part in world.PARTS:
        if part.name != world.DIRECTORY:
            continue
        writer = Asker("Directory", part.organization)
        found = service.ask(writer, get(json.loads(part.text)["entry"][0]["request"]["url"]))
        if found.status == 401:
            raise SettingFailed(
                "the service does not take these tokens: name the data directory that it runs on (--data-dir), and let "
                "SHAREDPLAN_AUDIENCE be as it is there"
            )
        if found.status == 200:
            continue
        answer = service.ask(writer, Request("POST", "", part.text))
        if answer.status != 200:
            said = " ".join(sentence for _, sentence in answer.sentences())
            raise SettingFailed(f"the directory of {part.organization} was answered {answer.status}: {said}")
