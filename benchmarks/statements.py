"""What the floor asks of the database: for each question the fastest statement that was found, by EXPLAIN and by the
clock, at 10,000 plans and at 1,000,000.

Ids are compared byte by byte (collation C) and references as the database does it, so whatever is made from one to be
looked up among the others says which: PostgreSQL uses no index across collations.
"""

READ = "select content from care_plan where id = $1"

PATIENT = "select id, content, count(*) over () from care_plan where patient = $1 order by last_updated desc limit $2"

IDENTIFIER = "select id, content, count(*) over () from care_plan where identifier @> $1::text[] limit $2"

# Of the performer's few plans each period is looked at. As `date && …` a prepared statement would gather all plans of
# the period from the index of dates, too: 3 ms instead of 0.7 at 10,000 plans, 15 instead of 2 at 70,000.
PERIOD = """
select id, content, count(*) over () from care_plan
where performer @> $1::text[] and not isempty(date * tstzrange($2, $3)) limit $4
"""

# A join on each team takes as long, and finds a plan with two of the teams twice.
CHAINED = """
select id, content, count(*) over () from care_plan
where care_team && array(
    select 'CareTeam/' || id collate "default" from care_team where participant @> $1::text[]
) limit $2
"""

WHOLE = """
with plan as materialized (
    select id, content, subject, encounter, care_team, goal, condition from care_plan where id = $1
)
select 'CarePlan', id, content from plan
union all
select 'Patient', r.id, r.content from plan join patient r on r.id = substr(plan.subject, 9) collate "C"
union all
select 'Encounter', r.id, r.content from plan join encounter r on r.id = substr(plan.encounter, 11) collate "C"
union all
select 'CareTeam', r.id, r.content
from plan, unnest(plan.care_team) named join care_team r on r.id = substr(named, 10) collate "C"
union all
select 'Goal', r.id, r.content
from plan, unnest(plan.goal) named join goal r on r.id = substr(named, 6) collate "C"
union all
select 'Condition', r.id, r.content
from plan, unnest(plan.condition) named join condition r on r.id = substr(named, 11) collate "C"
union all
select 'Task', r.id, r.content from task r where r.focus = 'CarePlan/' || $1
"""

DELTA = "select id, content from care_plan where last_updated > $1 order by last_updated limit $2"

CONTROLLER = "Organization/bench-floor"  # marks the floor's rows, so that they can be told from the service's

CREATE = f"""
insert into care_plan (id, version, last_updated, controller, content, patient, subject, identifier)
values ($1, 1, clock_timestamp(), '{CONTROLLER}', $2, $3, $3, $4)
"""

ALL = (READ, PATIENT, IDENTIFIER, PERIOD, CHAINED, WHOLE, DELTA, CREATE)
