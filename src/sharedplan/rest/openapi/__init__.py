"""The OpenAPI document, made from the registry that executes: the catalogue and the search parameters."""
