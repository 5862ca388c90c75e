"""Health, metrics, info, OpenAPI, test alert."""

from __future__ import annotations

from crime_detect_engine.web.routes import ROUTES


async def test_health_tells_no_news_from_blind(site):
    async with site.client().get("/health") as answer:
        assert (answer.status, (await answer.json())["ok"]) == (200, True)
    site.engine.healthy = False
    async with site.client().get("/health") as answer:
        assert answer.status == 503
        assert (await answer.json())["reasons"] == ["front_door: no picture for 31 s"]


async def test_a_watchdog_that_restarts_the_engine_is_not_told_of_cameras_that_are_away(site):
    def health(*reasons: str, blind: bool) -> None:
        site.engine.health = lambda: (not reasons, {"reasons": list(reasons), "notes": [], "blind": blind})

    async def asked(query: str = "") -> int:
        async with site.client().get(f"/health{query}") as answer:
            return answer.status

    health("blind: no camera delivers pictures", blind=True)
    assert (await asked(), await asked("?blind=ok")) == (503, 200)
    health("blind: no camera delivers pictures", "store: it is locked", blind=True)
    assert (await asked(), await asked("?blind=ok")) == (503, 503)
    health("store: it is locked", blind=False)
    assert (await asked(), await asked("?blind=ok")) == (503, 503)
    health(blind=False)
    assert (await asked(), await asked("?blind=ok")) == (200, 200)


async def test_metrics_are_prometheus_text(site):
    async with site.client("viewer-token").get("/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "crime_detect_up 1" in await answer.text()


async def test_the_description_covers_every_route_with_its_roles_and_input(site):
    async with site.client().get("/api/v1/openapi.json") as answer:
        described = await answer.json()
    wanted = {route.path for route in ROUTES if route.path.startswith("/api/")} | {"/health", "/metrics"}
    assert set(described["paths"]) == wanted
    search = {
        parameter["name"]: parameter for parameter in described["paths"]["/api/v1/incidents"]["get"]["parameters"]
    }
    assert search["from"]["schema"]["format"] == "date-time"
    assert search["min_confidence"]["schema"]["type"] == "number"
    assert search["severity"]["schema"]["enum"] == ["detection", "alert", "critical"]
    hold = described["paths"]["/api/v1/incidents/{incident}/hold"]["post"]
    assert hold["x-roles"] == ["investigator", "integration"]
    verdict = described["paths"]["/api/v1/incidents/{incident}/verdict"]["post"]
    assert verdict["requestBody"]["content"]["application/json"]["schema"]["required"] == ["verdict"]


async def test_a_test_alert_is_sent_in_the_callers_name(site):
    async with site.client("integration-token").post("/api/v1/alerts/test") as answer:
        assert await answer.json() == {"sent": ["mqtt"]}
    assert site.engine.actions == [("test_alert", "integration")]
