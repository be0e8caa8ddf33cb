"""The plan sheet: a shared plan in plain words, as values that the page and the document are made from."""
