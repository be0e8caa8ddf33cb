"""The documentation's own page: HTML, style and script."""
