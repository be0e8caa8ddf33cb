"""Sharedplan: one shared client plan behind a FHIR R4 REST service."""
