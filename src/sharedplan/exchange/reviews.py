"""Reviews of a plan that were made, kept once for all who see the very same of it.

What is found out of a plan follows from the versions of all that was looked at, as they are told (what a ban hides is
taken out before), and from nothing else of who asks. For who has not asked before the database is therefore asked what
another one's review rests on: within his own slices it says what stands for all that he may see of it, and only where
that is to the letter what stands for what is kept, it is his, too. Who was at the data by the log, and what he sees but
a part of, is found out for each anew.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from sys import intern
from typing import NamedTuple, Self

from sharedplan.access.principal import Principal
from sharedplan.care.review.view import View
from sharedplan.care.situation import Situation, Trace
from sharedplan.exchange.sayings import Sayings
from sharedplan.fhir.exchanges import Asked
from sharedplan.interactions.acting import Acting
from sharedplan.interactions.gathering import LIMIT
from sharedplan.interactions.walk import MOST_TEXT, Walk
from sharedplan.search.expression import Expression, Nothing
from sharedplan.store.kept import Kept
from sharedplan.store.queries import Query
from sharedplan.store.together import Parts

SIGHTS = 4
"""Of one plan: so many are kept, each as somebody else sees it; those who see the same share one."""

RESOURCE_WEIGHS = 2
"""What a resource weighs among what is kept (`store/kept.py`), with all that was found out of it: 7 KB (measured)."""

SEEN_AGAIN = 4
"""Resources that weigh as much as one when another sees them, too: they are there once, and what they say."""

QUESTION_WEIGHS = 2
"""What weighs how somebody asks: the text is there once for all who ask with the same."""


class Seen(NamedTuple):
    """What beside its resources is seen of a client: who was at his data (None: that is not seen), and the types of
    which not all is; and what that depends on."""

    traces: tuple[Trace, ...] | None
    partly: frozenset[str]
    grounds: tuple[object, ...]

    @property
    def organizations(self) -> frozenset[str]:
        """Those that the log names."""
        return frozenset(each.organization for each in self.traces or () if each.organization is not None)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A plan as somebody saw it. `walk`: how it was found; `view`: what was found out of it, some of it at its moment.
    `gathered`: what is known of the client, without what was asked for beside. `sayings`: how it was told.
    `organizations`: those that the log named and nothing else did; they need not be there. `since`: the instant since
    which the consents as they were are known, None when they were not asked for."""

    walk: Walk
    view: View
    gathered: Situation | None = None
    sayings: Sayings = field(default_factory=Sayings)
    organizations: frozenset[str] = frozenset()
    since: datetime | None = None

    def names(self, organizations: frozenset[str]) -> bool:
        """Whether these, which the log names, lead to the same that were asked for."""
        others = self.view.situation.resources.keys() - self.organizations
        return organizations - others == self.organizations

    @property
    def may_be_kept(self) -> bool:
        """Whether it is no more than can be told by a mark."""
        situation = self.view.situation
        if situation.client is None or situation.is_cut or self.walk.size > MOST_TEXT:
            return False
        return len(situation.resources) + len(situation.others) <= LIMIT


class OfPlan:
    """The reviews of one plan, the newest last; `question`: how somebody asked last."""

    def __init__(self) -> None:
        self.question: Question | None = None
        self._found: list[Reviewed] = []

    def of(self, mark: str | None) -> Reviewed | None:
        """What stands under that mark, else the newest."""
        return next((each for each in reversed(self._found) if each.walk.mark == mark), None) or self._last

    def same(self, parts: Parts, mark: str) -> Reviewed | None:
        """What these parts led to when it stands under that mark."""
        return next((each for each in self._found if each.walk.mark == mark and each.walk.parts == parts), None)

    def put(self, now: Reviewed, gone: Reviewed | None) -> None:
        """Keeps it as the last, without what is `gone`: what that was before, or a review of the very same."""
        same = self.same(now.walk.parts, now.walk.mark)
        self._found = [each for each in self._found if each is not gone and each is not same]
        self._found = [*self._found, now][-SIGHTS:]

    @property
    def weight(self) -> int:
        """Among what is kept."""
        reads = [id(read) for each in self._found for read in each.walk.reads.values()]
        once = len({*reads})
        return RESOURCE_WEIGHS * (once + (len(reads) - once) // SEEN_AGAIN)

    @property
    def _last(self) -> Reviewed | None:
        return self._found[-1] if self._found else None


class Question(NamedTuple):
    """For what stands for these parts within the slices of whoever asks."""

    parts: Parts
    slices: Mapping[str, Expression]
    query: Query

    @classmethod
    def of(cls, walk: Walk, before: Iterable[Self], acting: Acting) -> Self:
        """What has become of the walk; of those `before`, one that asks the same."""
        slices = {type: acting.within[type] for type, _ in walk.parts}
        for each in before:
            if each.parts == walk.parts and each.slices == slices:
                return each
        sql, parameters = walk.question(within=acting.within, limit=LIMIT)
        return cls(walk.parts, slices, (intern(sql), parameters))


class Last(NamedTuple):
    """Of one asker: the mark of what he saw last, and how he asked for it."""

    mark: str
    question: Question | None


@dataclass(frozen=True, slots=True)
class Reviews:
    """Of one plan, for one asker. `kept`: None when nothing is kept of what he sees."""

    kept: Kept | None
    plan: Hashable
    asker: Hashable

    @classmethod
    def of(cls, asked: Asked, by: Principal, acting: Acting) -> Self:
        """In an emergency nothing is kept, nor is anything taken from it."""
        kept = acting.unit.kept if not acting.ordinary else None
        # What is not asked for at all no mark tells of.
        shut = frozenset(type for type, slice in acting.within.items() if isinstance(slice, Nothing))
        plan = ("reviews", asked.id, asked.base, acting.policy.attendance, shut)
        return cls(kept, plan, (plan, acting.asker, by.scopes, by.purpose))

    def before(self) -> tuple[Reviewed | None, Last | None]:
        """What was found out before, by him or by another; and what he saw last, None when he has not asked."""
        last: Last | None = self.kept.get(self.asker) if self.kept is not None else None
        found = self._of_plan
        return found.of(last.mark if last is not None else None) if found is not None else None, last

    def question(self, walk: Walk, last: Last | None, acting: Acting) -> Question:
        """How he asks what has become of that walk: as he did, or another who sees by the same slices."""
        found = self._of_plan
        before = (last.question if last is not None else None, found.question if found is not None else None)
        return Question.of(walk, (each for each in before if each is not None), acting)

    def same(self, parts: Parts, mark: str) -> Reviewed | None:
        """What somebody else saw when these parts led him to that."""
        found = self._of_plan
        return found.same(parts, mark) if found is not None else None

    @property
    def _of_plan(self) -> OfPlan | None:
        found: OfPlan | None = self.kept.get(self.plan) if self.kept is not None else None
        return found

    def put(self, now: Reviewed, gone: Reviewed | None, question: Question | None) -> None:
        """Keeps what he sees now, and how he asked; `gone`: what it was until something changed."""
        if self.kept is None or not now.may_be_kept:
            return
        found = self._of_plan or OfPlan()
        found.put(now, gone)
        if question is not None:
            found.question = question
        self.kept.put(self.plan, found, found.weight)
        self.kept.put(self.asker, Last(now.walk.mark, question), QUESTION_WEIGHS)
