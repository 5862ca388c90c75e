"""Reading what Frigate says: the shapes of its versions, and everything that is not Frigate's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from crime_detect_engine.domain.scene import Box
from crime_detect_engine.sources.frigate_messages import (
    PAYLOAD_BYTES,
    Refused,
    Update,
    read_json,
    sighting_of_event,
    sighting_of_row,
    sound_of_row,
    update_of,
)

from tests.rig.frigate import listed, tracked

SIZE = (640, 360)


def test_a_person_as_frigate_0_17_tells_of_one() -> None:
    seen = sighting_of_event(json.loads(json.dumps(tracked())), SIZE)
    assert seen is not None
    assert (seen.camera, seen.label, seen.identity, seen.plate) == ("yard", "person", None, None)
    assert seen.box == Box(0.5, 0.25, 0.6, 0.75), "pixels of the picture it detects in become parts of the picture"
    assert seen.score == pytest.approx(0.879, abs=1e-3)
    assert seen.at_s - seen.start_s == pytest.approx(6.6, abs=0.01)
    assert (seen.stationary, seen.zones) == (False, ("driveway",))
    assert [point[1:] for point in seen.path] == [(0.4, 0.7), (0.45, 0.72)]


@pytest.mark.parametrize(
    ("said", "identity", "plate", "plate_score"),
    [
        ({"sub_label": "John Smith"}, "John Smith", None, None),
        ({"sub_label": ["John Smith", 0.79]}, "John Smith", None, None),
        ({"sub_label": ["Postman", None]}, "Postman", None, None),
        ({"recognized_license_plate": "AB12", "recognized_license_plate_score": 0.93}, None, "AB12", 0.93),
        ({"recognized_license_plate": ["AB12", 0.93]}, None, "AB12", 0.93),
        ({"recognized_license_plate": [None, 0.0]}, None, None, 0.0),
    ],
    ids=["name", "name with score", "name without score", "plate as documented", "plate with score", "no plate"],
)
def test_names_and_plates_in_both_shapes(
    said: dict[str, Any], identity: str | None, plate: str | None, plate_score: float | None
) -> None:
    seen = sighting_of_event(tracked(**said), SIZE)
    assert seen is not None
    assert (seen.identity, seen.plate, seen.plate_score) == (identity, plate, plate_score)


def test_an_older_message_without_newer_fields_is_understood() -> None:
    old = tracked()
    for key in ("path_data", "recognized_license_plate", "current_attributes", "active", "snapshot", "sub_label"):
        del old[key]
    seen = sighting_of_event(old, SIZE)
    assert seen is not None
    assert (seen.path, seen.identity) == ((), None)


def test_what_frigate_does_not_believe_itself_is_nothing() -> None:
    assert sighting_of_event(tracked(false_positive=True), SIZE) is None


def test_a_box_that_stands_out_of_the_picture_ends_at_its_edge() -> None:
    seen = sighting_of_event(tracked(box=[-20, 10, 100, 400]), SIZE)
    assert seen is not None
    assert (seen.box.left, seen.box.bottom) == (0.0, 1.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": "x" * 65},
        {"id": "a\x00b"},
        {"camera": {"name": "yard"}},
        {"label": ""},
        {"label": "per\u202eson\n"},
        {"label": "x" * 200},
        {"box": None},
        {"box": [1, 2, 3]},
        {"box": [1, 2, 3, "4"]},
        {"box": [True, 2, 30, 40]},
        {"box": [100, 100, 100, 200]},
        {"box": [500, 200, 100, 100]},
        {"box": [1e300, 1e300, 1e308, 1e308]},
        {"box": [10**400, 0, 10, 10]},
        {"frame_time": "now"},
        {"frame_time": None},
        {"start_time": float("nan")},
        {"score": [0.3]},
        {"current_zones": ["yard", 7]},
        {"path_data": [[0.1, 0.2, 3.0]]},
        {"path_data": [[[0.1, None], 3.0]]},
    ],
    ids=repr,
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        sighting_of_event(tracked(**changes), SIZE)


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"\xff\xfe", b"NaN", b'{"a": Infinity}', b"[" * 100_000, b" " * (PAYLOAD_BYTES + 1)],
    ids=["empty", "cut off", "no text", "NaN", "infinite", "deep", "long"],
)
def test_payloads_that_are_no_messages_are_refused(payload: bytes) -> None:
    with pytest.raises(Refused):
        read_json(payload)


@pytest.mark.parametrize("message", [None, [], "x", 7, {}])
def test_messages_of_another_shape_are_refused(message: object) -> None:
    with pytest.raises(Refused):
        sighting_of_event(message, SIZE)
    if message != {}:
        with pytest.raises(Refused):
            update_of(message)


def test_names_are_short_and_printable_before_anybody_shows_them() -> None:
    seen = sighting_of_event(tracked(sub_label="<b>Eve</b>\r\n\x1b[31m" + "e" * 500), SIZE)
    assert seen is not None
    assert seen.identity is not None
    assert len(seen.identity) <= 100
    assert seen.identity.isprintable()


def test_an_item_of_the_list_of_events() -> None:
    row = listed(sub_label="Eve", data={"recognized_license_plate": "AB12", "recognized_license_plate_score": 0.9})
    seen = sighting_of_row(row)
    assert seen is not None
    assert seen.box == Box(0.5, 0.25, 0.6, 0.75)
    assert (seen.identity, seen.plate, seen.plate_score, seen.zones) == ("Eve", "AB12", 0.9, ("yard", "driveway"))
    assert seen.at_s == seen.start_s, "when its picture was taken is not said"


def test_a_box_goes_along_with_a_path_that_goes_further_than_its_picture() -> None:
    seen = sighting_of_row(listed(data={"path_data": [[[0.55, 0.75], 1607123956.0], [[0.8, 0.9], 1607123960.0]]}))
    assert seen is not None
    assert seen.box.foot == pytest.approx((0.8, 0.9))
    assert (seen.box.width, seen.box.height) == pytest.approx((0.1, 0.5))
    assert seen.at_s == 1607123960.0


@pytest.mark.parametrize(
    "row",
    [
        listed(end_time=1607123970.0),
        listed(label="fighting", data={"type": "api", "box": None}),
        listed(label="fighting", data={"type": "api"}),
        listed(label="scream", data={"type": "audio", "box": None}),
        listed(label="x", data={"box": None}),
    ],
    ids=["over", "made by hand", "made by this engine, with a box drawn", "a sound", "an old one made by hand"],
)
def test_items_that_are_no_objects_in_view(row: dict[str, Any]) -> None:
    assert sighting_of_row(row) is None


def test_a_sound_in_the_list_of_events() -> None:
    assert sound_of_row(listed(label="scream", data={"type": "audio"})) == ("yard", "scream")
    assert sound_of_row(listed(label="scream", end_time=1.0, data={"type": "audio"})) is None
    assert sound_of_row(listed()) is None


@pytest.mark.parametrize("row", [None, [], {}, {"data": []}, listed(camera=3), listed(data={"box": [0, 0, 0, 0]})])
def test_rows_that_make_no_sense_are_refused(row: object) -> None:
    with pytest.raises(Refused):
        sighting_of_row(row)


@pytest.mark.parametrize(
    ("message", "update"),
    [
        (
            {"type": "face", "id": "a", "name": "John", "score": 0.95, "camera": "yard", "timestamp": 1.5},
            Update("a", "John", {}),
        ),
        ({"type": "face", "id": "a", "name": "unknown", "score": 0.3}, Update("a", None, {})),
        (
            {
                "type": "lpr",
                "id": "a",
                "name": "John's Car",
                "plate": "123ABC",
                "score": 0.95,
                "plate_box": [1, 2, 3, 4],
            },
            Update("a", "John's Car", {"plate": "123ABC", "plate_score": 0.95}),
        ),
        (
            {"type": "classification", "id": "a", "model": "people", "sub_label": "delivery_person", "score": 0.87},
            Update("a", "delivery_person", {}),
        ),
        (
            {"type": "classification", "id": "a", "model": "helmet", "attribute": "yes", "score": 0.92},
            Update("a", None, {"helmet": "yes"}),
        ),
        (
            {"type": "description", "id": "a", "description": "A red sedan."},
            Update("a", None, {"description": "A red sedan."}),
        ),
        ({"type": "lpr", "name": None, "plate": None, "camera": "yard"}, None),
        ({"type": "thumbnail", "id": "a"}, None),
    ],
    ids=["face", "unknown face", "plate", "class", "attribute", "description", "no car left", "another kind"],
)
def test_what_frigate_finds_out_later(message: dict[str, Any], update: Update | None) -> None:
    assert update_of(message) == update
