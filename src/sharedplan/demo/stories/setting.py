"""What the stories play with: the directory of the demo world and its clients, who are put in where they are not."""

import json

from sharedplan.demo import world
from sharedplan.demo.stories.playing import Service
from sharedplan.demo.stories.steps import Asker, Request, get


class SettingFailed(Exception):
    """A part of the demo world was not taken; the text says what the service answered."""


def set_up(service: Service, *clients: str) -> list[str]:
    """The directory and these demo clients ("pekka"), whose records are left as they are where they are known; hands
    back what was put in.

    Raises SettingFailed, and Unreachable when no service answers.
    """
    new: list[str] = []
    for part in world.PARTS:
        if part.name != world.DIRECTORY and part.name.partition("-")[0] not in clients:
            continue
        writer = Asker("Demo world", part.organization)
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
            raise SettingFailed(f"{part.name} of {part.organization} was answered {answer.status}: {said}")
        new.append(part.name)
    return list(dict.fromkeys(new))
