"""The kinds of search value, one module each: how a query writes one, what a resource holds, and when the two agree."""
