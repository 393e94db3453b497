import json
from datetime import UTC, datetime
from typing import Any

import pytest
from fakes.queue import make_request
from hypothesis import example, given
from hypothesis import strategies as st

from voipmon.queue import wire
from voipmon.queue.wire import UnreadableError

NOON = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)

HAND_WRITTEN = """{
  "request_id": "test_20251111_001",
  "from_email": "Manager@example.com",
  "parameters": {
    "ramais": "1121,1122,1123",
    "inicio": "29/09/2025 00:00",
    "fim": "27/10/2025 23:59",
    "email": "manager@example.com"
  }
}
"""


def document(**changes: Any) -> dict[str, Any]:
    return json.loads(HAND_WRITTEN) | changes


def data(**changes: Any) -> bytes:
    return json.dumps(document(**changes)).encode()


def refusal(content: bytes | str) -> UnreadableError:
    with pytest.raises(UnreadableError) as caught:
        wire.read(content.encode() if isinstance(content, str) else content, "dropped")
    return caught.value


def test_the_example_of_the_manual_is_a_request() -> None:
    request = wire.request_of(wire.read(HAND_WRITTEN.encode(), "any name"), NOON)

    assert request.id == "test_20251111_001"
    assert request.kind == "RAMAIS"
    assert request.requester == request.recipient == "manager@example.com"
    assert request.parameters["ramais"] == "1121,1122,1123"
    assert request.created_at == NOON
    assert request.tenant is None


@pytest.mark.parametrize("parameters", [{}, {"email": None}])
def test_without_an_address_the_answer_goes_to_who_asked(parameters: dict[str, Any]) -> None:
    request = wire.request_of(wire.read(data(parameters=parameters), "x"), NOON)

    assert request.recipient == "manager@example.com"


@pytest.mark.parametrize("changes", [{"request_id": None}, {}])
def test_a_file_without_an_id_is_called_by_its_name(changes: dict[str, Any]) -> None:
    without = {key: value for key, value in document(**changes).items() if value is not None}
    without.pop("request_id", None)

    for content in (json.dumps(without | changes), json.dumps(without)):
        assert wire.read(content.encode(), "from-the-north")["request_id"] == "from-the-north"


def test_a_new_request_is_read_back_as_it_was() -> None:
    request = make_request(references=("<0@example.com>",), site="north", round=3, tenant="Acme, Zenith")

    assert wire.request_of(wire.read(wire.dump(wire.document_of(request)), "x"), NOON) == request


def test_unknown_keys_are_kept_as_they_are() -> None:
    odd = {"motivo": "conferência", "list": [1, 2.5, None, True], "nested": {"ão": {}}}

    assert wire.read(wire.dump(wire.read(data(**odd), "x")), "x") == document(**odd)


def test_a_file_can_be_read_by_people() -> None:
    assert '\n  "motivo": "conferência"' in wire.dump(document(motivo="conferência")).decode()


def test_each_key_parameter_and_event_stands_on_a_line_of_its_own() -> None:
    dumped = wire.dump({"request_id": "x", "parameters": {"ramais": "1121", "note": {"a": [1]}}, "history": [{"n": 1}]})

    assert dumped.decode().splitlines() == [
        "{",
        '  "request_id": "x",',
        '  "parameters": {',
        '    "ramais": "1121",',
        '    "note": {"a": [1]}',
        "  },",
        '  "history": [',
        '    {"n": 1}',
        "  ]",
        "}",
    ]


@pytest.mark.parametrize(
    ("content", "reason", "whole"),
    [
        ("", "line 1 column 1: Expecting value (the file is empty)", False),
        (" \n", "(the file is empty)", False),
        ("\ufeff" + HAND_WRITTEN, "save the file without a byte order mark", False),
        (HAND_WRITTEN.encode("utf-16"), "not UTF-8: save the file as UTF-8", False),
        ('{"motivo":\n "reunião"}'.encode("latin-1"), "line 2 column 8: not UTF-8: save the file as UTF-8", False),
        ('{"a": 1,\n}', "(a comma stands before the closing bracket: take it out)", False),
        ('{"a": [1, 2,\n ]}', "(a comma stands before the closing bracket: take it out)", False),
        ('{"a": 1\n "b": 2}', "line 2 column 2: Expecting ',' delimiter", False),
        (HAND_WRITTEN[:-5], "line", False),
        ("{'a': 1}", "line 1 column 2: Expecting property name", False),
        (HAND_WRITTEN + "{}", "line 11 column 1: Extra data", False),
        ("[]", "a request is a JSON object", True),
        ("null", "a request is a JSON object", True),
        ('{"a": 1, "a": 2}', "the key 'a' stands more than once", True),
        ('{"a": {"b": 1, "b": 2}}', "the key 'b' stands more than once", True),
        ('{"a": NaN}', "NaN is not JSON", True),
        ('{"a": 1e999}', "no usable JSON: Out of range float values", True),
        ('{"a": "\\ud800"}', "half a character", True),
        ("[" * 100_000, "no usable JSON", True),
        ('{"a":' * 60 + "1" + "}" * 60, "nested deeper than 50", True),
        (b"x" * 10_000_000, "larger than 1,000,000 bytes: no request is", True),
        (json.dumps({"a": ["x"] * 200_000}), "larger than 1,000,000 bytes: no request is", True),
    ],
)
def test_what_is_no_request_is_told_why(content: bytes | str, reason: str, whole: bool) -> None:
    error = refusal(content)

    assert reason in str(error)
    assert error.whole is whole


def test_a_trailing_comma_is_told_in_the_words_of_newer_pythons_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def loads(text: str, **_: object) -> object:
        raise json.JSONDecodeError("Illegal trailing comma before end of object", text, text.index(","))

    monkeypatch.setattr(wire.json, "loads", loads)

    assert str(refusal('{"a": 1,\n}')) == (
        "line 1 column 8: Illegal trailing comma before end of object "
        "(a comma stands before the closing bracket: take it out)"
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"request_id": "../../etc/passwd"}, "request_id '../../etc/passwd' cannot be used"),
        ({"request_id": ".hidden"}, "cannot be used"),
        ({"request_id": "x" * 81}, "cannot be used"),
        ({"request_id": ""}, "cannot be used"),
        ({"request_id": 7}, "request_id: must be a text in quotes"),
        ({"from_email": "manager"}, "from_email: 'manager' is no address: write it alone, such as manager@example.com"),
        ({"from_email": None}, "from_email: must be a text in quotes"),
        ({"parameters": ["1121"]}, "parameters: must be an object in braces: { … }"),
        ({"parameters": {"email": "a b@example.com"}}, "parameters.email: 'a b@example.com' is no address"),
        ({"attempts": "3"}, "attempts: must be a whole number from 0 to 1000"),
        ({"attempts": 10**30}, "attempts: must be a whole number from 0 to 1000"),
        ({"round": 10**30}, "round: must be a whole number from 1 to 1000"),
        ({"not_before": "tomorrow"}, "not_before: must be a moment with its time zone, such as 2025-11-11T12:00:00Z"),
        ({"not_before": "2025-11-11T12:00:00"}, "not_before: must be a moment with its time zone"),
        ({"history": [1]}, "history: must be a list of objects in braces: [{ … }]"),
        ({"attempts": True}, "attempts: must be a whole number"),
        ({"attempts": None}, "attempts: must be a whole number"),
        ({"not_before": "0001-01-01T00:00:00+14:00"}, "not_before: must be a moment"),
        ({"not_before": 1_762_862_400}, "not_before: must be a text in quotes"),
        ({"created_at": "20250211200-03:00"}, "created_at: must be a moment"),
        ({"created_at": "2025-11-11T23500-03"}, "created_at: must be a moment"),
        ({"created_at": "2025-11-11T12.30Z"}, "created_at: must be a moment"),
        ({"created_at": "2025-11-11T12:00x-03:00"}, "created_at: must be a moment"),
        ({"created_at": "2025-11-11T12:00:00+00:60"}, "created_at: must be a moment"),
        ({"created_at": "2025-W46-2T12:00:00Z"}, "created_at: must be a moment"),
        ({"references": ["a", 1]}, "references: must be a list of texts in quotes"),
        ({"tenant": " "}, "tenant: must have 1 to 1000 letters"),
        ({"subject": 7}, "subject: must be a text in quotes"),
        ({"from_email": "m@" + "x" * 253}, "is no address"),
        ({"result": "done"}, "result: must be an object in braces"),
    ],
)
def test_a_wrong_value_is_told_with_its_key(changes: dict[str, Any], reason: str) -> None:
    error = refusal(data(**changes))

    assert reason in str(error)
    assert error.whole


@pytest.mark.parametrize(
    "written",
    [
        "2025-11-11T12:00:00Z",
        "2025-11-11t12:00:00z",
        "2025-11-11 12:00:00.000+00:00",
        "2025-11-11T09:00:00-03:00",
        "2025-11-11T09:00-0300",
        "2025-11-11T09:00-03",
    ],
)
def test_a_moment_may_be_written_in_any_zone(written: str) -> None:
    assert wire.request_of(wire.read(data(created_at=written), "x"), NOON.replace(year=2020)).created_at == NOON


def test_the_last_round_is_one_that_is_read_again() -> None:
    again = wire.returned(document(round=1000, result={}), "pbx", NOON)

    assert wire.read(wire.dump(again), "x")["round"] == 1000


def test_several_wrong_values_are_told_at_once() -> None:
    assert str(refusal(b"{}")) == "from_email: is missing; parameters: is missing"


def test_a_request_may_grow_beyond_the_limit_by_its_own_history() -> None:
    large = document(motivo="x" * 999_000)
    for _ in range(10):
        large = wire.noted(large, "pbx", "retry", "the disk is full " * 100, NOON)

    assert len(wire.dump(large)) > wire.MOST_BYTES
    assert wire.read(wire.dump(large), "x") == large


def test_a_reason_is_written_down_whatever_signs_it_has() -> None:
    noted = wire.noted(document(), "pbx", "retry", "no file caf\udce9.mp3" + "x" * 5000, NOON)

    (event,) = wire.read(wire.dump(noted), "x")["history"]
    assert event["detail"].startswith("no file caf\\udce9.mp3xxx")
    assert len(event["detail"]) < 1100


def test_the_keys_that_voipmon_adds_are_added_once() -> None:
    once = wire.completed(document(), NOON, "pbx")

    assert once == document(
        type="RAMAIS",
        created_at="2025-11-11T12:00:00Z",
        attempts=0,
        not_before=None,
        history=[{"at": "2025-11-11T12:00:00Z", "instance": "pbx", "event": "arrived", "detail": None}],
    )
    assert wire.completed(once, NOON.replace(hour=20), "pbx") == once


def test_a_request_answered_once_more_starts_afresh_in_a_new_round() -> None:
    ended = document(attempts=5, result={"outcome": "failed"}, history=[{"event": "worker_died"}] * 5)

    again = wire.returned(ended, "pbx", NOON)

    assert not wire.is_finished(again)
    assert (again["round"], wire.attempts_of(again), wire.deaths_of(again)) == (2, 0, 0)
    assert len(again["history"]) == 6


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"from_email": " manager@EXAMPLE.com"}, True),
        ({"note": "other keys are no wish"}, True),
        ({"from_email": "boss@example.com"}, False),
        ({"type": "CHECKIP"}, False),
        ({"parameters": {"ramais": "1121"}}, False),
    ],
)
def test_two_files_ask_for_the_same_if_sender_and_parameters_are_the_same(other: dict[str, Any], same: bool) -> None:
    assert wire.same_wish(document(), document(**other)) is same


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
@example(b'{"from_email": "a@b", "parameters": {}, "request_id": "x", "history": [{"event": []}]}')
@example(b'{"from_email": "a@b", "parameters": {}, "request_id": "x", "result": {}}')
def test_any_bytes_are_a_request_or_refused(content: bytes) -> None:
    try:
        read = wire.read(content, "dropped")
    except UnreadableError:
        return
    assert wire.read(wire.dump(read), "x") == read


@given(
    st.dictionaries(st.sampled_from(["a", "type", "subject", "history", "attempts", "round", "result"]), json_values)
)
def test_what_is_taken_can_be_worked_on(changes: dict[str, Any]) -> None:
    try:
        read = wire.read(data(**changes), "x")
    except UnreadableError:
        return
    request = wire.request_of(read, NOON)
    whole = wire.completed(read, NOON, "pbx")

    assert request.id == "test_20251111_001"
    assert wire.deaths_of(whole) >= 0
    assert wire.read(wire.dump(wire.noted(wire.returned(whole, "pbx", NOON), "pbx", "failed", "x", NOON)), "x")
