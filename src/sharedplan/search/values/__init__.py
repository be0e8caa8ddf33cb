"""One module per kind of search parameter: parse, extract, compare."""
