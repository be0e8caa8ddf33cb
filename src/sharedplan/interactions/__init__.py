"""One module per FHIR interaction, the same for every type; no HTTP, no tokens."""
