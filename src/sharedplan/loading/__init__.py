"""Bulk load: files of Bundles, resources and NDJSON into the store, as the interactions do it, in several processes."""
