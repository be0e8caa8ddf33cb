"""The stories, by their models."""

from collections.abc import Mapping

from sharedplan.demo.stories.kaannekohta import KAANNEKOHTA
from sharedplan.demo.stories.minun_tiimini import MINUN_TIIMINI
from sharedplan.demo.stories.posote import POSOTE
from sharedplan.demo.stories.soite import SOITE
from sharedplan.demo.stories.steps import Story
from sharedplan.demo.stories.stop import STOP

STORIES: Mapping[str, Story] = {each.id: each for each in (STOP, POSOTE, KAANNEKOHTA, SOITE, MINUN_TIIMINI)}
