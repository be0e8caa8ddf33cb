"""What goes by the client of a row, as SQL: whose it is, and whether he lets the asker see it; pure.

The functions that judge are in the database (`migrations/`). What the asker may see of a client is found out once in a
statement where its rows are of one client, or are found by the asker's clients; only what does not follow from that is
asked of each row. What is not found by something else is found by the asker's clients, so that a search costs what its
asker may see, not what is stored.
"""

from dataclasses import dataclass, replace

from sharedplan.search import expression as e
from sharedplan.search.parameters import CONSULTED
from sharedplan.store.projection import projection
from sharedplan.store.statements import Statement

TIMES = {
    "Appointment": ("date",),
    "CarePlan": ("date",),
    "CareTeam": ("date",),
    "Communication": ("sent", "received"),
    "Condition": ("onset_date", "recorded_date"),
    "Consent": ("date",),
    "DocumentReference": ("period", "date"),
    "Encounter": ("date",),
    "EpisodeOfCare": ("date",),
    "Flag": ("date",),
    "Goal": ("start_date",),
    "List": ("date",),
    "MeasureReport": ("period", "date"),
    "Observation": ("date",),
    "Provenance": ("when", "recorded"),
    "QuestionnaireResponse": ("authored",),
    "ServiceRequest": ("authored",),
    "Task": ("period", "authored_on"),
}
"""Type → the columns of a thing's own time, in the order of `access/items.py`; what has no column there, the function
`access_own_time` finds in the content."""

ACTED_FOR = "(select (a).organization from asker)"
"""SQL of the organisation that the asker acts for, once the statement is `asked_by` him; null for a person who has no
role there."""


def acted_for(statement: Statement, asked: e.Permitted) -> str:
    """The same; a system acts for the organisation that it names, and need not be looked up (0.1 ms)."""
    if asked.person is None:
        return statement.bind(asked.organization, "text")
    statement.asked_by(asked.person, asked.organization)
    return ACTED_FOR


@dataclass(frozen=True, slots=True)
class Clients:
    """Conditions on the clients of a row of one type, under an alias; `client` is the one that all rows are of, when
    that is known."""

    statement: Statement
    type: str
    alias: str
    client: str | None = None

    def sql(self, expression: e.Expression, *, is_anchored: bool, is_whole: bool = False) -> str:
        """`is_anchored`: something beside it leaves few rows; `is_whole`: nothing beside it leaves out any."""
        match expression:
            case e.OfClient(client):
                return self.of(client)
            case e.Permitted():
                if not self.kind:
                    return self.of_nobody(expression) if expression.person and expression.organization else "false"
                # What the clients of one person let him see is found out once for each; those of a system are many.
                if (
                    self.kind != "text[]"
                    and not is_anchored
                    and self.client is None
                    and (expression.person or is_whole)
                ):
                    permitted = self.by_views(expression)
                else:
                    permitted = self.each(self.permitted(expression), is_anchored, expression)
                if self.is_of_one and expression.person:
                    return f"({self.is_let_see(expression)} and {permitted})"
                if self.kind == "id" or not (expression.person and expression.organization):
                    return permitted
                return f"({self.of_nobody(expression)} or {permitted})"
            case e.Addressed():
                return self.addressed(expression)
            case e.Opened():
                return self.each(self.opened(expression), is_anchored, expression) if self.kind else "false"
            case e.OfOwnClients():
                return self.each(self.own(expression), True, expression)
            case e.OfTargets():
                return self.of_targets(expression, is_anchored, is_whole)
        raise TypeError(f"no SQL for {expression!r}")

    def reach(self, asked: e.Permitted | e.OfTargets, *, looks_up: bool = False) -> str:
        """What holds of all that he may see by his clients, and is told without asking anything of the row: that it is
        of one of them, or of nobody and in his register. `looks_up`: as for `of_one_of_the_askers`."""
        one = self.of_one_of_the_askers(asked, looks_up=looks_up) or "false"
        if self.kind == "id":
            return one
        nobody = f"{self.alias}.patient is null and " if self.kind else ""
        return f"({one} or {nobody}{self.alias}.controller = {ACTED_FOR})"

    def of_one_of_the_askers(self, asked: e.Permitted | e.OfTargets | e.Opened, *, looks_up: bool = False) -> str:
        """That it is of one of his clients; empty for what is of nobody. When it `looks_up`, the row's client is looked
        for among them, who may be many, by a hash; else the row can be found by them."""
        self.statement.asked_by(asked.person, asked.organization)
        clients = "(select c from askers_clients)"
        if self.kind == "text[]":
            return f"{self.alias}.patient && {clients}::text[]"
        if self.kind and looks_up:
            return f"{self.name} in (select unnest(c) from askers_clients)"
        return self.is_one_of(clients) if self.kind else ""

    @property
    def kind(self) -> str:
        """How a row names its clients: "id" (it is one), "text", "text[]" or "" (it does not)."""
        if self.type == "Patient":
            return "id"
        shape = projection(self.type)
        return shape.kinds[shape.names.index("patient")] if "patient" in shape.names else ""

    def of(self, client: str) -> str:
        match self.kind:
            case "id":
                return f"{self.alias}.id = {self.statement.bind(client.removeprefix('Patient/'), 'text')}"
            case "text":
                return f"{self.alias}.patient = {self.statement.bind(client, 'text')}"
            case "text[]":
                one = self.statement.bind([client], "text[]")
                return f"({self.alias}.patient && {one} and {self.alias}.patient <@ {one})"
        return "false"

    def of_nobody(self, asked: e.Permitted) -> str:
        """In the own register, and of no client."""
        own = f"{self.alias}.controller = {acted_for(self.statement, asked)}"
        return f"({self.alias}.patient is null and {own})" if self.kind else own

    def addressed(self, asked: e.Addressed) -> str:
        """By the index of those whom it asks. The roles at an organisation are many, and whether one holds is looked at
        only where it is asked."""
        column = f"{self.alias}.{CONSULTED.name}"
        if asked.person is not None:
            self.statement.asked_by(asked.person, asked.organization)
            return f"{column} && (select (a).members from asker)"
        organization = self.statement.bind(asked.organization, "text")
        reached = f"(select access_reached({organization}))"
        return f"({column} && {reached} and access_is_asked({column}, {organization}))"

    def each(self, holds: str, is_anchored: bool, asked: e.Permitted | e.Opened | e.OfOwnClients) -> str:
        """That it holds of each client that the row names; `holds` is SQL with CLIENT in the place of one."""
        found = ""
        if not is_anchored and self.client is None:
            self.statement.asked_by(asked.person, asked.organization)
            found = "(select c from askers_clients)"
        match self.kind:
            case "id":
                within = f"{self.is_one_of(found)} and " if found else ""
                return f"({within}{holds.replace('CLIENT', self.name)})"
            case "text" if self.client is not None:
                return holds.replace("CLIENT", self.statement.bind(self.client, "text")) if "CLIENT" in holds else holds
            case "text":
                within = f"{self.is_one_of(found)} and " if found else ""
                return f"({within}{holds.replace('CLIENT', f'{self.alias}.patient')})"
            case "text[]":
                within = f"{self.alias}.patient && {found}::text[]" if found else f"{self.alias}.patient is not null"
                one = self.statement.alias()
                not_so = f"({holds.replace('CLIENT', f'{one}.client')}) is not true"
                return (
                    f"({within} and not exists (select from unnest({self.alias}.patient) {one}(client) where {not_so}))"
                )
        return "false"

    def permitted(self, asked: e.Permitted) -> str:
        asker = self.asker(asked)
        if self.is_of_one:
            sight = self.statement.sight_of(str(self.client), asked.purpose)
            item = self.item(f"(select s from {sight})")
            by_team = f"case (select (s).view from {sight}) when 'all' then true when 'some' then {item} else false end"
        else:
            purpose = self.statement.bind(asked.purpose, "text")
            by_team = f"access_sees(CLIENT, {asker}, {purpose}, {self.thing})"
        if asked.person is None or asked.organization is None:
            return by_team
        # In the own register, a person needs a relation to the client instead of a consent.
        own = f"{self.alias}.controller = {ACTED_FOR}"
        return f"({own} and {self.once(f'access_concerned(CLIENT, {asker})')} or {by_team})"

    def is_let_see(self, asked: e.Permitted) -> str:
        """Whether the asker may see anything of the one client, whatever row it is; of a person all that he may, of a
        system what others keep. As it names no row, PostgreSQL asks it before it looks for any where it stands alone:
        what is hidden takes as long as what is not there."""
        by_team = (
            f"(select (s).view from {self.statement.sight_of(str(self.client), asked.purpose)}) in ('all', 'some')"
        )
        if asked.person is None or asked.organization is None:
            return by_team
        return f"({self.once(f'access_concerned(CLIENT, {self.asker(asked)})')} or {by_team})".replace(
            "CLIENT", self.statement.bind(self.client, "text")
        )

    def by_views(self, asked: e.Permitted) -> str:
        """The same as `permitted`, by what was found out of the clients beforehand."""
        self.asker(asked)
        self.statement.viewed_for(asked.purpose, self.looked_at(asked))
        partly = "(select partly from views_of)"
        item = self.item(f"((select sights from views_of))[array_position({partly}, {self.name})]")
        ways = [self.is_one_of("(select whole from views_of)"), f"({self.is_one_of(partly)} and {item})"]
        if asked.person is not None and asked.organization is not None:
            own = f"{self.alias}.controller = {ACTED_FOR}"
            ways.append(f"({self.is_one_of('(select concerned from views_of)')} and {own})")
        return f"({' or '.join(ways)})"

    def looked_at(self, asked: e.Permitted) -> str:
        """A SELECT of the clients of whom it is found out what may be seen. A person has few; those of a system may be
        most of all that there are, so of those the ones that others keep something of."""
        clients = "(select c from askers_clients)"
        if asked.person is not None:
            return f"select unnest({clients})"
        one, others = replace(self, alias="v"), f"v.controller is distinct from {ACTED_FOR}"
        kept = projection(self.type).clients
        # Without a collation beside those of other types they would have none, and be looked up by no index.
        named = f'{one.name} collate "default"' if self.type == "Patient" else one.name
        return f"select distinct {named} from {kept} v where {one.is_one_of(clients)} and {others}"

    def of_targets(self, asked: e.OfTargets, is_anchored: bool, is_whole: bool) -> str:
        it = self.alias
        if asked.own is not None:
            asker, own = "null", self.statement.bind(asked.own, "text")
            return f"access_targets({it}.target, {it}.patient, {it}.controller, {asker}, null, {own})"
        asker = self.statement.asked_by(asked.person, asked.organization)
        purpose = self.statement.bind(asked.purpose, "text")
        seen = f"access_targets({it}.target, {it}.patient, {it}.controller, {asker}, {purpose}, null)"
        if is_anchored:
            return seen
        # What is in no register a system sees by what some client lets it see, and he is among these.
        ways = [
            f"{it}.patient && (select c from askers_clients)::text[]",
            f"{it}.patient is null and {it}.controller = {ACTED_FOR}",
        ]
        if asked.person is not None or is_whole:  # as in `sql`
            seen = self.of_targets_by_views(asked, seen)
        return f"(({' or '.join(ways)}) and {seen})"

    def of_targets_by_views(self, asked: e.OfTargets, seen: str) -> str:
        """The same of Provenances of one client, by what was found out of each beforehand; of the others as they are
        `seen` otherwise."""
        it, own = self.alias, f"{self.alias}.controller = {ACTED_FOR}"
        clients = "select unnest((select c from askers_clients))"
        if asked.person is None:
            kept, ours = projection(self.type).table, "(select c from askers_clients)::text[]"
            clients = f"""select distinct c from {kept} v, unnest(v.patient) c
                where v.patient && {ours} and v.controller is distinct from {ACTED_FOR}"""
        self.statement.viewed_for(asked.purpose, clients)
        if asked.person is not None:
            own += f" and {it}.patient[1] in (select client from views where is_concerned)"
        partly = "(select partly from views_of)"
        sight = f"((select sights from views_of))[array_position({partly}, {it}.patient[1])]"
        bound = f"access_bound({it}.target, {it}.patient, {it}.controller"
        return f"""case when (cardinality({it}.patient) = 1 and {it}.controller is not null) is not true then {seen}
            when {it}.patient[1] in (select client from views where (s).view = 'all') or {own} then {bound}, null)
            when {it}.patient[1] = any({partly}::text[]) then {bound}, {sight}) else false end"""

    @property
    def name(self) -> str:
        """SQL of how references name the one client of a row."""
        return f"('Patient/' || {self.alias}.id)" if self.type == "Patient" else f"{self.alias}.patient"

    def is_one_of(self, clients: str) -> str:
        if self.type == "Patient":
            ids = f"array(select substr(c, 9) from unnest({clients}::text[]) c where c like 'Patient/%')"
            return f"{self.alias}.id = any({ids})"
        return f"{self.alias}.patient = any({clients}::text[])"

    def opened(self, asked: e.Opened) -> str:
        """By an emergency, in which nothing but bans is asked of each thing."""
        asker, purpose = self.asker(asked), self.statement.bind(asked.purpose, "text")
        return self.item(self.once(f"access_emergency(CLIENT, {asker}, {purpose})"))

    def item(self, sight: str) -> str:
        """Whether somebody with that sight of its client sees the row."""
        return f"access_item({sight}, {self.thing})"

    @property
    def thing(self) -> str:
        """The row, as the functions that judge it take it."""
        it = self.alias
        times = [f'{it}."{name}"' for name in TIMES.get(self.type, ())]
        time = f"coalesce({', '.join(times)})" if times else "null"
        if self.type == "Observation":  # a Timing is no time of its own
            time = f"case when {it}.content -> 'effectiveTiming' is null then {time} end"
        owner = f"{it}.owner" if self.type == "Task" else "null"
        return (
            f"'{self.type}', {it}.id, {it}.controller, {owner}, {time}, "
            f"{it}.meta_security, {it}.meta_profile, {it}.content"
        )

    def own(self, asked: e.OfOwnClients) -> str:
        asker, one = self.asker(asked), self.statement.alias()
        kept = (
            f"exists (select from patient {one} where {one}.id = substr(CLIENT, 9) and {one}.controller = {ACTED_FOR})"
        )
        return kept if asked.person is None else f"{kept} and {self.once(f'access_concerned(CLIENT, {asker})')}"

    def masked(self, asked: e.Permitted, *, has_something: str = "") -> str:
        """Whether a client that the row names has a safety ban, and the asker does not act for the row's register.
        `has_something`: SQL of whether there is anything to be hidden, asked of the rows of other registers alone: it
        reads all of the resource."""
        match self.kind:
            case "text" if self.client is not None:
                banned = self.once(f"access_has_safety_ban({self.statement.bind(self.client, 'text')})")
            case "id" | "text":
                banned = f"access_has_safety_ban({self.name})"
            case "text[]":
                one = self.statement.alias()
                each = f"select from unnest({self.alias}.patient) {one}(client)"
                banned = f"exists ({each} where access_has_safety_ban({one}.client))"
            case _:
                return ""
        banned = f"{has_something} and {banned}" if has_something else banned
        return f"(({self.alias}.controller = {acted_for(self.statement, asked)}) is not true and {banned})"

    def asker(self, asked: e.Permitted | e.Opened | e.OfOwnClients) -> str:
        return self.statement.asked_by(asked.person, asked.organization)

    def once(self, call: str) -> str:
        """The call, made once for all rows when they are of one client."""
        return f"(select {call})" if self.is_of_one else call

    @property
    def is_of_one(self) -> bool:
        """Whether all rows are of the one client."""
        return self.client is not None and self.kind == "text"
