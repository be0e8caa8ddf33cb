"""The question: search parameters, expressions and index values; pure, no SQL."""
