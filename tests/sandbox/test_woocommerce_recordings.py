"""The stand-in answers like the recorded shop: every recorded exchange is replayed against it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox import recordings


@pytest.fixture(scope="module")
def outcomes() -> list[recordings.Outcome]:
    folder = recordings.contracts()
    if folder is None:
        pytest.skip("the recordings are not on this machine (ATOOSYNC_CONTRACTS or ../shared/contracts)")
    return recordings.replay_all(folder)


@pytest.mark.covers("SYS-06", "SHP-02")
def test_at_least_nine_of_ten_exchanges_are_reproduced(outcomes: list[recordings.Outcome]) -> None:
    good = sum(one.reproduced for one in outcomes)
    assert len(outcomes) > 700
    assert good / len(outcomes) >= 0.97, f"{good} of {len(outcomes)}"


@pytest.mark.covers("SYS-06")
def test_each_difference_is_listed_with_its_reason(outcomes: list[recordings.Outcome]) -> None:
    expected = recordings.expected_failures()
    unlisted = {
        f"{one.key} {one.title}": one.problems[:3] for one in outcomes if one.problems and one.key not in expected
    }
    assert unlisted == {}
    assert all(len(reason) > 20 for reason in expected.values())


@pytest.mark.covers("SYS-06")
def test_no_exception_outlives_its_reason(outcomes: list[recordings.Outcome]) -> None:
    by_key = {one.key: one for one in outcomes}
    assert [key for key in recordings.expected_failures() if key not in by_key or by_key[key].reproduced] == []


def _described(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted((folder.parent / "schemas").glob("*.json"))]


@pytest.mark.covers("SYS-06")
def test_options_of_each_route_describe_the_recorded_arguments_and_fields() -> None:
    folder = recordings.contracts()
    if folder is None:
        pytest.skip("the recordings are not on this machine (ATOOSYNC_CONTRACTS or ../shared/contracts)")
    with recordings.Replay() as replay:
        for recorded in _described(folder):
            request = {"method": "OPTIONS", "path": recorded["path"], "scheme": "https"}
            answer = replay.send(request, "")
            assert answer.status == recorded["status"]
            _same_description(recorded["path"], recorded["options"], answer.body)


def _same_description(path: str, wanted: dict[str, Any], got: dict[str, Any]) -> None:
    assert set(got["methods"]) == set(wanted["methods"]), path
    for one, other in zip(wanted["endpoints"], got["endpoints"], strict=True):
        assert one["methods"] == other["methods"]
        expected = {name: arg.get("type") for name, arg in (one["args"] or {}).items()}
        assert {name: arg.get("type") for name, arg in other["args"].items()} == expected, path
    fields = set((wanted.get("schema") or {}).get("properties") or ())
    assert fields <= set((got.get("schema") or {}).get("properties") or ()), path
