"""The measures of the service models: what the resources of a register come to in a period; pure.

Each says what resources it needs (`questions`), takes them one by one, and keeps no more of each than it counts.
https://hl7.org/fhir/R4/measure-operation-evaluate-measure.html
"""
