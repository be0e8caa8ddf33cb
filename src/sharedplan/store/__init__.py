"""PostgreSQL: tables, versions, conditions as SQL; no FHIR meaning beyond type, id, version and index value."""
