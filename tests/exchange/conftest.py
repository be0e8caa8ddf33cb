"""Asking the service through its conductor, on a real PostgreSQL."""

import pytest

from exchange.asking import Ask, asking
from sharedplan.store.unit_of_work import Store


@pytest.fixture
def ask(store: Store) -> Ask:
    """Asks for one interaction."""
    return asking(store)
