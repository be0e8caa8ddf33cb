"""The standard itself, pure; nothing about this service."""
