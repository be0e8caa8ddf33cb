"""A small Finnish world to look at: five clients, one for each service model, their teams, plans and consents.

The resources are the JSON files beside this module: transaction Bundles of PUTs with readable ids. Everybody in them
is invented; the personal identity codes are of the series for tests (individual numbers 900–999).
"""
