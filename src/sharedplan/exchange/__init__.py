"""Conducts an interaction from question to answer; the only package that begins a unit of work."""
