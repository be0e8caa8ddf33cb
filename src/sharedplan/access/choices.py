"""What the rules of access leave to whoever runs the service, each with what is taken when nothing is said."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choices:
    """Settings of the decision.

    `adult_from`: years of age from which a guardian has no rights as such. `capable_from`: years of age below which a
    guardian may see a minor's data when nobody has recorded whether the minor is able to decide; from then on it goes
    by consent. `guardians_consents_end`: whether what a guardian permitted ends when the client comes of age, instead
    of being told as due for renewal.
    """

    adult_from: int = 18
    capable_from: int = 12
    guardians_consents_end: bool = False
