"""Days of the exchange's calendar, and which of them have recordings."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from voipmon.domain.period import Period
from voipmon.domain.recording import DayCount
from voipmon.recordings.judge import Hit, Judge


def nearest_days(hits: Iterable[Hit], judge: Judge, period: Period, zone: ZoneInfo, most: int) -> list[DayCount]:
    """Return up to *most* days that have files which may be given, those nearest to *period*, in calendar order."""
    hits_of: dict[date, list[Hit]] = {}
    for hit in hits:
        hits_of.setdefault(hit.call.start.date(), []).append(hit)
    days: list[DayCount] = []
    for day in sorted(hits_of, key=lambda day: (distance(day, period, zone), day)):
        if len(days) >= most:
            break
        count = len(judge.findings(hits_of[day]).recordings)
        if count:
            days.append(DayCount(day, count))
    return sorted(days, key=lambda counted: counted.day)


def distance(day: date, period: Period, zone: ZoneInfo) -> timedelta:
    """Return how far *day* is from the days of *period* in *zone*."""
    return max(day_of(period.first, zone) - day, day - day_of(period.last, zone), timedelta())


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """Return the day that a calendar in *zone* shows at *moment*."""
    try:
        return moment.astimezone(zone).date()
    except OverflowError:  # at the ends of the calendar, where a day more or less finds nothing
        return moment.date()
