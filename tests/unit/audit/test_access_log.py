"""What a line of a web server's log says, and that no line does any harm."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voipmon.audit.access_log import Hit, hits

TOKEN = "k3Jd8-sLwq_0PzXhB27aVnRt5yU"
COMBINED = (
    f'192.0.2.7 - - [11/Nov/2025:12:00:01 -0300] "GET /audios/{TOKEN}/0001.mp3 HTTP/1.1" 206 65536 '
    '"https://mail.example.com/" "Mozilla/5.0 (X11; Linux x86_64)"'
)
HIT = Hit(
    datetime(2025, 11, 11, 15, 0, 1, tzinfo=UTC), "192.0.2.7", "Mozilla/5.0 (X11; Linux x86_64)", TOKEN, "0001.mp3"
)


def read(line: str) -> Hit | None:
    return next(hits([line]), None)


def changed(old: str, new: str) -> Hit | None:
    assert old in COMBINED
    return read(COMBINED.replace(old, new))


@pytest.mark.parametrize(
    "line",
    [
        COMBINED,
        f"{COMBINED}\r\n",
        f"voip.example.com:443 {COMBINED}",
        COMBINED.replace("- - [", "- maria [silva] [").replace("[silva] ", ""),
        COMBINED.replace("HTTP/1.1", "HTTP/2.0"),
        COMBINED.replace("/audios/", "//a/b/"),
        COMBINED.replace("0001.mp3 ", "0001.mp3?x=1 "),
        COMBINED.replace("/0001", "/%30001"),
        COMBINED.replace("GET /", "GET https://voip.example.com/"),
        f"{COMBINED} 0.003 extra",
    ],
)
def test_what_was_fetched_is_read_from_every_usual_shape_of_a_line(line: str) -> None:
    assert read(line) == HIT


def test_a_common_line_tells_no_agent() -> None:
    common = COMBINED.partition(' "https')[0]

    assert read(common) == Hit(HIT.at, HIT.address, "", TOKEN, "0001.mp3")


def test_the_page_is_what_is_fetched_by_the_folder_alone() -> None:
    hit = changed("/0001.mp3", "/")

    assert hit is not None
    assert hit.item == "index.html"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("GET", "HEAD"),
        ("GET", "POST"),
        (" 206 ", " 304 "),
        (" 206 ", " 404 "),
        (" 206 ", " 416 "),
        (f"/{TOKEN}", "/short"),
        (f"/audios/{TOKEN}/0001.mp3", "/"),
        ("0001.mp3", "..%2f..%2fetc%2fpasswd"),
        ("0001.mp3", "%00"),
        ("Nov", "Foo"),
        ("11/Nov", "31/Nov"),
        ("12:00:01", "25:00:01"),
    ],
)
def test_what_fetched_nothing_is_passed_over(old: str, new: str) -> None:
    assert changed(old, new) is None


@pytest.mark.parametrize(
    ("written", "agent"),
    [
        (r"A \"quoted\" one", 'A "quoted" one'),
        (r"nginx \x22quoted\x22", 'nginx "quoted"'),
        (r"back\\slash", r"back\slash"),
        (r"\x1b[2J\xe2\x80\xae", "\N{REPLACEMENT CHARACTER}[2Jâ\N{REPLACEMENT CHARACTER}®"),
        ("-", ""),
        ("x" * 900, "x" * 200),
    ],
)
def test_odd_agents_are_written_as_they_were_and_do_no_harm(written: str, agent: str) -> None:
    hit = changed("Mozilla/5.0 (X11; Linux x86_64)", written)

    assert hit is not None
    assert hit.agent == agent


def test_the_hour_is_that_of_utc_whatever_the_zone_of_the_log() -> None:
    moment = datetime(2025, 11, 11, 12, 59, 59, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    assert Hit(moment, "", "", "", "").hour == datetime(2025, 11, 11, 7, tzinfo=UTC)


@given(st.text())
def test_no_text_is_anything_but_a_hit_or_passed_over(text: str) -> None:
    list(hits([text, f"{COMBINED}{text}", text + COMBINED]))


@given(
    st.integers(946_684_800, 4_102_444_800),
    st.timezones() | st.just(UTC),
    st.ip_addresses(),
    st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'), max_size=150),
    st.from_regex(r"[A-Za-z0-9_-]{27}", fullmatch=True),
    st.from_regex(r"[0-9]{4}\.(mp3|wav)", fullmatch=True),
)
def test_what_a_server_writes_is_read_back(
    moment: int, zone: object, address: object, agent: str, token: str, item: str
) -> None:
    at = datetime.fromtimestamp(moment, UTC).astimezone(zone)  # type: ignore[arg-type]
    at = at.astimezone(timezone(timedelta(minutes=round((at.utcoffset() or timedelta()).total_seconds() / 60))))
    month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][at.month - 1]
    written = f"{at:%d}/{month}/{at.year:04}:{at:%H:%M:%S} {at:%z}"
    line = f'{address} - - [{written}] "GET /x/{token}/{item} HTTP/1.1" 200 5 "-" "{agent}"'

    assert read(line) == Hit(at, str(address), "" if agent == "-" else agent, token, item)
