"""The stories, by their models."""

from collections.abc import Mapping

from sharedplan.demo.stories.steps import Story
from sharedplan.demo.stories.stop import STOP

STORIES: Mapping[str, Story] = {each.id: each for each in (STOP,)}
