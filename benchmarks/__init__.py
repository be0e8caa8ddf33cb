"""How fast Sharedplan is, beside a floor: the least program that does the same job on the same tables.

`python -m benchmarks` runs the service and the floor in turn on one database and prints the ratios;
`python -m benchmarks.drive` puts any FHIR server under load that runs on this machine.
"""
