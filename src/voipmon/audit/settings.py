"""The section [audit]: for how long the account of what happened is kept."""

from datetime import timedelta

from pydantic import Field

from voipmon.settings import Duration, Section


class Audit(Section):
    """Whole months are removed when their last day is older than *keep*; five years if nothing is said."""

    keep: Duration = Field(timedelta(days=1826), ge=timedelta(days=1))
