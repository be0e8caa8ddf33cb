"""Pages: the documentation's own, and the plan sheet."""
