"""Cameras: state, pictures, switches, snooze."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.fakes import FakePicture


async def test_a_camera_is_listed_with_its_state_and_address(site):
    async with site.client("viewer-token").get("/api/v1/cameras/yard") as answer:
        camera = await answer.json()
    assert (camera["id"], camera["name"], camera["masked"]) == ("yard", "Yard", False)
    assert camera["location"] == {"latitude": 52.1, "longitude": 4.3}
    assert camera["state"]["online"] is True


async def test_the_live_picture_is_the_newest_one(site):
    client = site.client("viewer-token")
    async with client.get("/api/v1/cameras/yard/live.jpg") as answer:
        first = await answer.read()
        assert answer.content_type == "image/jpeg"
    site.engine.pictures["yard"] = FakePicture(5)
    async with client.get("/api/v1/cameras/yard/live.jpg") as answer:
        second = await answer.read()
    assert first != second
    assert cv2.imdecode(np.frombuffer(second, np.uint8), cv2.IMREAD_COLOR).shape == (720, 1280, 3)


async def test_one_picture_is_encoded_once_for_all_who_watch(site, monkeypatch):
    encoded = []
    encode = site.engine.encode_jpeg
    monkeypatch.setattr(site.engine, "encode_jpeg", lambda *given: encoded.append(given) or encode(*given))
    client = site.client("viewer-token")
    await asyncio.gather(*(client.get("/api/v1/cameras/yard/live.jpg") for _ in range(8)))
    assert len(encoded) == 1


@pytest.mark.parametrize("kind", ["live.jpg", "live.mjpeg"])
async def test_privacy_shows_nothing_and_says_why(site, kind):
    client = site.client("operator-token")
    async with client.get("/api/v1/cameras/yard/live.jpg") as answer:
        assert answer.status == 200
    async with client.patch("/api/v1/cameras/yard", json={"privacy": True}) as answer:
        assert (await answer.json())["state"]["privacy"] is True
    async with client.get(f"/api/v1/cameras/yard/{kind}") as answer:
        assert answer.status == 404
        assert "Privacy is on" in (await answer.json())["error"]["message"]


async def test_who_is_in_view_is_told_to_those_who_may_see_the_camera(site):
    site.engine.seen["yard"] = [{"label": "person", "box": [0.4, 0.3, 0.1, 0.5], "track": 7}]
    async with site.client("viewer-token").get("/api/v1/cameras/yard/objects") as answer:
        assert await answer.json() == {"at": "2026-11-21T12:00:00.000Z", "items": site.engine.seen["yard"]}
    site.engine.alter_camera("yard", privacy=True)
    async with site.client("viewer-token").get("/api/v1/cameras/yard/objects") as answer:
        assert (await answer.json())["items"] == []
    for camera in ("front_door", "nowhere"):
        async with site.client("yard-token").get(f"/api/v1/cameras/{camera}/objects") as answer:
            assert answer.status == 404


async def test_zones_and_lines_are_changed_by_admins_and_the_integration_and_seen_by_all(site):
    zones = {"lawn": {"polygon": [[0, 0], [1, 0], [1, 1]], "intrusion": "1s"}}
    for role, status in (("investigator", 403), ("integration", 200), ("admin", 200)):
        body = {"zones": zones, "lines": {}, "detector": "on"}
        async with site.client(f"{role}-token").patch("/api/v1/cameras/yard", json=body) as answer:
            assert answer.status == status
    async with site.client("viewer-token").get("/api/v1/cameras/yard") as answer:
        assert (await answer.json())["settings"]["zones"] == zones


async def test_live_video_goes_on_until_privacy_ends_it(site):
    async with site.client("viewer-token").get("/api/v1/cameras/yard/live.mjpeg") as answer:
        assert answer.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
        assert (await answer.content.readline()) == b"--frame\r\n"
        site.engine.pictures["yard"] = FakePicture(5)
        while (await answer.content.readline()) != b"--frame\r\n":
            pass
        site.engine.alter_camera("yard", privacy=True)
        async with asyncio.timeout(60):
            await answer.content.read()


async def test_snooze_and_switches_reach_the_engine(site):
    client = site.client("operator-token")
    async with client.post("/api/v1/cameras/yard/snooze", json={"minutes": 30, "label": "fighting"}) as answer:
        assert (await answer.json())["state"]["snoozed_until"] == "2026-11-21T12:30:00.000Z"
    async with client.patch("/api/v1/cameras/yard", json={"detection": False}) as answer:
        assert (await answer.json())["state"]["detection"] is False
    assert site.engine.actions == [
        ("snooze", "yard", 30.0, "fighting", "operator"),
        ("detection", "yard", False, "operator"),
    ]


async def test_the_threshold_is_for_admins_and_the_integration(site):
    body = {"threshold": 0.7, "detection": False}
    async with site.client("investigator-token").patch("/api/v1/cameras/yard", json=body) as answer:
        assert answer.status == 403
    assert site.engine.actions == []
    async with site.client("integration-token").patch("/api/v1/cameras/yard", json=body) as answer:
        assert (await answer.json())["state"]["threshold"] == 0.7


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/snooze", {}, "minutes"),
        ("POST", "/snooze", {"minutes": -1}, "minutes"),
        ("POST", "/snooze", {"minutes": True}, "minutes"),
        ("POST", "/snooze", {"minutes": 5, "label": "<script>"}, "label"),
        ("PATCH", "", {"threshold": 1.1}, "threshold"),
        ("PATCH", "", {"detection": "on"}, "detection"),
        ("PATCH", "", {"source": ""}, "source"),
        ("PATCH", "", {"colour": "red"}, "colour"),
        ("PATCH", "", {"per_class": {"fighting": 2}}, "per_class.fighting"),
        ("PATCH", "", {"schedule": [{"from": 22}]}, "schedule.0.from"),
        ("PATCH", "", {"masks": [[[0, 0], [1, 1]]]}, "masks.0"),
        ("PATCH", "", {"masks": [[[i / 40, 0] for i in range(33)]]}, "masks.0"),
        ("PATCH", "", {"masks": [[[0, 0], [1, 0], [1, 1.01]]]}, "masks.0.2.1"),
        ("PATCH", "", {"masks": [[[0, 0], [1, 0], [1, 1, 1]]]}, "masks.0.2"),
        ("PATCH", "", {"masks": [[[0, 0], [1, 0], [1, 1]]] * 17}, "masks"),
        ("PATCH", "", {"masks": "none"}, "masks"),
        ("PATCH", "", {"zones": {"<b>": {}}}, "zones.<b>"),
        ("PATCH", "", {"zones": {f"zone_{i}": {} for i in range(17)}}, "zones"),
        ("PATCH", "", {"lines": {"gate": []}}, "lines.gate"),
        ("PATCH", "", [1], "body"),
    ],
)
async def test_wrong_values_are_named(site, method, path, body, field):
    async with site.client("admin-token").request(method, f"/api/v1/cameras/yard{path}", json=body) as answer:
        assert answer.status == 400
        error = (await answer.json())["error"]
    assert error["code"] == "invalid_input"
    assert field in error["details"]
    assert site.engine.actions == []


@pytest.mark.parametrize("body", [b'{"threshold": NaN}', b"{", b"[" * 100_000, b"\xff\xfe"])
async def test_what_is_not_json_is_refused(site, body):
    headers = {"Content-Type": "application/json"}
    async with site.client("admin-token").patch("/api/v1/cameras/yard", data=body, headers=headers) as answer:
        assert answer.status in (400, 413)
    async with site.client("admin-token").patch("/api/v1/cameras/yard", data={"threshold": "0.5"}) as answer:
        assert answer.status == 400


# --- set-up -------------------------------------------------------------------------------------------------------


async def test_a_camera_is_added_and_removed(site):
    client = site.client("integration-token", **{"X-On-Behalf-Of": "Anna"})
    async with client.post("/api/v1/cameras", json={"source": "rtsp://u:p@10.0.0.9/s", "name": "Gate"}) as answer:
        assert (answer.status, (await answer.json())["id"]) == (201, "gate")
    async with client.delete("/api/v1/cameras/gate") as answer:
        assert answer.status == 204
    assert site.engine.actions == [
        ("add_camera", None, "rtsp://u:p@10.0.0.9/s", "Gate", "integration for Anna"),
        ("remove_camera", "gate", "integration for Anna"),
    ]
    async with client.delete("/api/v1/cameras/gate") as answer:
        assert answer.status == 404


async def test_settings_of_a_camera_reach_the_engine_in_one_change(site):
    body = {"name": "Shed", "per_class": {"fighting": 0.7}, "schedule": None, "privacy": True}
    async with site.client("integration-token").patch("/api/v1/cameras/yard", json=body) as answer:
        assert answer.status == 200
    assert site.engine.actions == [
        (
            "change_camera", "yard", {"name": "Shed", "per_class": {"fighting": 0.7}, "schedule": None}, "integration"
        ),
        ("privacy", "yard", True, "integration"),
    ]  # fmt: skip


@pytest.mark.parametrize("key", ["name", "source", "per_class", "schedule", "threshold"])
async def test_an_operator_changes_no_settings(site, key):
    values = {"per_class": {"fighting": 0.7}, "schedule": None, "threshold": 0.7}
    body = {key: values.get(key, "Shed"), "privacy": True}
    async with site.client("investigator-token").patch("/api/v1/cameras/yard", json=body) as answer:
        assert answer.status == 403
    assert site.engine.actions == [], "also not the part that is allowed"


@pytest.mark.parametrize("role", ["viewer", "operator", "investigator", "integration"])
async def test_masks_are_changed_and_seen_by_admins_alone(site, role):
    triangle = [[[0.0, 0.0], [0.5, 0.0], [0.5, 0.5]]]
    body = {"masks": triangle, "privacy": True}
    async with site.client(f"{role}-token").patch("/api/v1/cameras/yard", json=body) as answer:
        assert answer.status == 403
    assert site.engine.actions == [], "also not the part that is allowed"
    async with site.client("admin-token").patch("/api/v1/cameras/yard", json={"masks": triangle}) as answer:
        changed = await answer.json()
    assert (changed["masked"], changed["settings"]["masks"]) == (True, triangle)
    assert site.engine.actions == [("change_camera", "yard", {"masks": triangle}, "admin")]
    for path in ("/api/v1/cameras/yard", "/api/v1/cameras"):
        async with site.client(f"{role}-token").get(path) as answer:
            text = await answer.text()
        assert '"masked": true' in text
        assert '"masks"' not in text


async def test_a_limited_admin_masks_their_own_cameras(site):
    client = site.client("yard-token")
    for camera, status in (("yard", 200), ("front_door", 404)):
        async with client.patch(f"/api/v1/cameras/{camera}", json={"masks": []}) as answer:
            assert answer.status == status
    assert [action[:2] for action in site.engine.actions] == [("change_camera", "yard")]


async def test_a_picture_taken_before_a_mask_is_not_sent_after_it(site, monkeypatch):
    """It was being encoded when the mask came."""
    encode, bare, masked = site.engine.encode_jpeg, site.engine.pictures["yard"], FakePicture(7)

    def slowly(camera, picture, height):
        if picture is bare:
            site.engine.pictures["yard"] = masked
            view = site.engine.views["yard"]
            site.engine.views["yard"] = replace(view, settings={"masks": [[[0, 0], [1, 0], [1, 1]]]})
        return encode(camera, picture, height)

    monkeypatch.setattr(site.engine, "encode_jpeg", slowly)
    async with site.client("viewer-token").get("/api/v1/cameras/yard/live.jpg") as answer:
        assert await answer.read() == encode("yard", masked)


@pytest.mark.parametrize("key", ["blur_faces", "blur_persons"])
@pytest.mark.parametrize("role", ["viewer", "operator", "investigator", "integration"])
async def test_who_is_hidden_is_changed_by_admins_alone(site, role, key):
    async with site.client(f"{role}-token").patch("/api/v1/cameras/yard", json={key: False}) as answer:
        assert answer.status == 403
    assert site.engine.actions == []
    for wanted in (False, None, True):
        async with site.client("admin-token").patch("/api/v1/cameras/yard", json={key: wanted}) as answer:
            assert answer.status == 200
    assert [action[2] for action in site.engine.actions] == [{key: False}, {key: None}, {key: True}]


async def test_a_picture_encoded_before_faces_were_hidden_is_not_sent_after_it(site, monkeypatch):
    """The same picture is made again: nobody has to wait for the camera to send another."""
    encode, made = site.engine.encode_jpeg, []

    def once_without(camera, picture, height):
        made.append(picture)
        if len(made) == 2:
            site.engine.views["yard"] = replace(site.engine.views["yard"], settings={"blurring": {"faces": True}})
        return encode(camera, picture, height - 16 * len(made))

    monkeypatch.setattr(site.engine, "encode_jpeg", once_without)
    client = site.client("viewer-token")
    for expected in (1, 1, 3):
        if expected == 3:
            site.engine.views["yard"] = replace(site.engine.views["yard"], settings={"blurring": {"faces": False}})
        async with client.get("/api/v1/cameras/yard/live.jpg") as answer:
            assert await answer.read() == encode("yard", site.engine.pictures["yard"], 720 - 16 * expected)
    assert len(made) == 3


@pytest.mark.parametrize("body", [{"mode": "budget"}, {"false_alarm_budget": "1/week"}, {"false_alarm_budget": 0.5}])
async def test_what_comes_later_is_refused_by_its_code(site, body):
    async with site.client("integration-token").patch("/api/v1/cameras/yard", json=body | {"name": "X"}) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, "not_in_this_version")
    assert site.engine.actions == []


async def test_a_token_limited_to_cameras_sets_nothing_up(site):
    client = site.client("yard-token")
    asked = [
        client.post("/api/v1/cameras", json={"source": "rtsp://10.0.0.9/s", "name": "Gate"}),
        client.delete("/api/v1/cameras/yard"),
        client.patch("/api/v1/cameras/yard", json={"source": "rtsp://10.0.0.9/s"}),
        client.post("/api/v1/sources/test", json={"source": "rtsp://10.0.0.9/s"}),
        client.get("/api/v1/sources/frigate"),
        client.put("/api/v1/retention", json={"incidents": "1d"}),
        client.delete("/api/v1/mqtt/discovery"),
    ]
    for request in asked:
        async with request as answer:
            assert answer.status == 403, answer.url
    async with client.patch("/api/v1/cameras/yard", json={"name": "Mine"}) as answer:
        assert answer.status == 200
    assert [action[0] for action in site.engine.actions] == ["change_camera"]
