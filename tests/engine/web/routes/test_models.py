"""Which model is in force is for admins to see and to change."""

from __future__ import annotations

import pytest


async def test_a_model_is_put_in_force_and_back(site):
    client = site.client("admin-token")
    async with client.post("/api/v1/models/mine/activate") as answer:
        assert (answer.status, await answer.json()) == (200, {"active": "mine"})
    async with client.get("/api/v1/models") as answer:
        assert {one["name"]: one["active"] for one in (await answer.json())["items"]} == {"fights": False, "mine": True}
    async with client.post("/api/v1/models/mine/rollback") as answer:
        assert await answer.json() == {"active": "fights"}
    assert site.engine.actions == [("activate_model", "mine", "admin"), ("roll_back_model", "mine", "admin")]


@pytest.mark.parametrize(("path", "status"), [("nothing/activate", 404), ("mine/rollback", 400)])
async def test_what_cannot_be_is_refused(site, path, status):
    async with site.client("admin-token").post(f"/api/v1/models/{path}") as answer:
        assert answer.status == status
    assert site.engine.actions == []


@pytest.mark.parametrize("token", ["viewer-token", "investigator-token", "integration-token", "yard-token"])
async def test_only_admins_of_all_cameras_may(site, token):
    async with site.client(token).post("/api/v1/models/mine/activate") as answer:
        assert answer.status == 403
    async with site.client(token).get("/api/v1/models") as answer:
        assert answer.status == 403
