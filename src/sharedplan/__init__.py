"""Sharedplan: one shared client plan behind a FHIR R4 REST service."""

__version__ = "0.1.0"
