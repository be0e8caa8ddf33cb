"""The inbound edge: HTTP in, HTTP out; no FHIR meaning, no SQL."""
