"""The port Publisher in memory."""

from dataclasses import replace
from datetime import datetime, timedelta

from voipmon.delivery.publisher import Progress, Tell, no_progress, tell_nobody
from voipmon.domain.ask import Ask
from voipmon.domain.outcome import Publication, Published
from voipmon.domain.recording import Findings, LeftOut
from voipmon.errors import BundleError, PublishError


class MemoryPublisher:
    """Keeps what is published in *publications*, and what was asked in *asks*, by request.

    A path in *lost* has gone meanwhile, for that reason. While *error* is set, every call raises it.
    """

    error: PublishError | None = None

    def __init__(
        self, base_url: str = "https://voip.example.com/audios", keep: timedelta = timedelta(hours=72)
    ) -> None:
        self.lost: dict[str, str] = {}
        self.publications: dict[str, Publication] = {}
        self.asks: dict[str, Ask] = {}
        self.languages: dict[str, str | None] = {}
        self._base_url = base_url
        self._keep = keep

    @property
    def visible(self) -> set[str]:
        """The URLs that answer."""
        return {
            url
            for publication in self.publications.values()
            for url in (publication.page_url, publication.zip_url, *(item.url for item in publication.items))
        }

    def publish(
        self,
        request_id: str,
        ask: Ask,
        findings: Findings,
        now: datetime,
        progress: Progress = no_progress,
        language: str | None = None,
    ) -> Publication:
        self._check()
        self.languages[request_id] = language
        folder = f"{self._base_url}/token-of-{request_id}"
        given = [recording for recording in findings.recordings if recording.path not in self.lost]
        if not given:
            raise BundleError("every recording has gone", retryable=True)
        lost = [LeftOut(item.path, self.lost[item.path]) for item in findings.recordings if item.path in self.lost]
        total = sum(recording.size for recording in findings.recordings)
        publication = Publication(
            request_id=request_id,
            key=f"key-of-{request_id}",
            page_url=f"{folder}/index.html",
            zip_url=f"{folder}/gravacoes-{request_id}.zip",
            expires_at=now + self._keep,
            items=tuple(
                Published(number, recording, f"{folder}/{number:04}{recording.suffix}", 1.0, "0" * 64)
                for number, recording in enumerate(given, 1)
            ),
            left_out=(*findings.left_out, *lost),
            size=sum(recording.size for recording in given) + 1000,
            recordings=len(given),
            recordings_size=sum(recording.size for recording in given),
        )
        progress(total, total)
        self.asks[request_id] = ask
        self.publications[request_id] = publication
        return publication

    def published(self, request_id: str, now: datetime) -> Publication | None:
        self._check()
        publication = self.publications.get(request_id)
        if publication is None or publication.expires_at <= now:
            return None
        return replace(publication, items=())

    def expire(self, now: datetime, tell: Tell = tell_nobody) -> int:
        self._check()
        over = [id_ for id_, publication in self.publications.items() if publication.expires_at <= now]
        for request_id in over:
            self.revoke(request_id, tell)
        return len(over)

    def revoke(self, request_id: str, tell: Tell = tell_nobody) -> bool:
        self._check()
        publication = self.publications.get(request_id)
        if publication is None:
            return False
        tell(request_id, publication.key, publication.expires_at)
        del self.publications[request_id]
        return True

    def _check(self) -> None:
        if self.error is not None:
            raise self.error
