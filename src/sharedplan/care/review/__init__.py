"""The review of a shared plan: every rule of the service models as a sentence, judged over a Situation; pure."""
