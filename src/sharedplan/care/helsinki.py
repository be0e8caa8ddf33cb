"""Days and hours as they are in Finland; pure."""

from datetime import date, datetime

from sharedplan.search.values.date import ZONE


def local(at: datetime) -> datetime:
    """The instant by Finnish clocks; one at the ends of the calendar, which means "for ever", as it is."""
    try:
        return at.astimezone(ZONE)
    except OverflowError:
        return at


def day_of(at: datetime) -> date:
    """The day that it is in Finland then."""
    return local(at).date()
