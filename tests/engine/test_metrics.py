"""Owns the tests of what Prometheus reads, and that the dashboard and the alarm rules ask for nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from crime_detect_engine.domain.errors import BackendError
from crime_detect_engine.domain.types import CameraState, CameraStatus
from crime_detect_engine.metrics import Figures, metrics_text
from crime_detect_engine.outputs.outbox import ChannelStatus
from crime_detect_engine.writer import Writer
from prometheus_client.parser import text_string_to_metric_families

MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"
STORAGE = {
    "free_bytes": 10, "total_bytes": 100, "database_bytes": 5, "media_bytes": 7, "media_quota": 50, "error": None,
    "media": {"yard": {"snapshot": 3, "clip": 4}},
}  # fmt: skip


@pytest.fixture
async def engine(make_flow: Any) -> SimpleNamespace:
    async def keep(_entry: Any) -> None:
        pass

    writer = Writer(keep)
    flow = make_flow(on_alert=writer.put)

    def read(**changes: Any) -> tuple[dict[tuple[str, ...], float], str]:
        values: dict[str, Any] = {
            "lines": list(flow.pipeline.lines.values()), "pipeline": flow.pipeline, "workers": flow.workers,
            "writer": writer, "channels": {"mqtt": ChannelStatus("mqtt", ready=True, pending=2)}, "storage": STORAGE,
            "audit_lost": 0, "gpu_load": 31.0, "now_tick_s": flow.clock.tick_s(),
        }  # fmt: skip
        text = metrics_text(Figures(**values | changes))
        samples = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        return samples, text

    return SimpleNamespace(flow=flow, writer=writer, read=read)


def show(line: Any, state: CameraState) -> None:
    """The camera is in this state from now on."""
    line.capture.status = lambda: CameraStatus(line.id, state, fps=7.5)


async def test_figures_of_cameras_carry_no_secret(engine):
    line = engine.flow.add("yard", name='Yard "p4ss" \\ \n')
    show(line, CameraState.LIVE)
    await engine.flow.feed(0.1, 8)
    engine.flow.classifiers[0].plan = [BackendError("lost")]
    await engine.flow.feed(0.1, 1)
    samples, text = engine.read()
    assert samples["crime_detect_camera_online", "yard"] == 1.0
    assert samples["crime_detect_frames_sampled_total", "yard"] == 9.0
    assert samples["crime_detect_frames_scored_total", "yard"] == 8.0
    assert samples["crime_detect_frames_dropped_total", "failed_run", "yard"] == 1.0
    assert samples["crime_detect_inference_failures_total",] == 1.0
    assert samples["crime_detect_outbox_pending", "mqtt"] == 2.0
    assert "p4ss" not in text
    assert "10.0.0.5" not in text


async def test_an_incident_is_counted_from_zero_and_seen_while_it_goes_on(engine, until):
    show(engine.flow.add(), CameraState.LIVE)
    samples, _ = engine.read()
    assert samples["crime_detect_incidents_total", "fighting", "yard", "yes"] == 0.0
    assert samples["crime_detect_incidents_total", "loitering", "no", "yard"] == 0.0
    await engine.flow.feed(0.95, 40)
    samples, _ = engine.read()
    assert samples["crime_detect_incident_active", "yard"] == 1.0
    assert samples["crime_detect_confidence", "yard"] > 0.8
    await engine.flow.feed(0.05, 60)
    await until(lambda: engine.writer.ended)
    samples, _ = engine.read()
    assert samples["crime_detect_incident_active", "yard"] == 0.0
    assert samples["crime_detect_incidents_total", "fighting", "yard", "yes"] == 1.0


async def test_what_is_not_known_is_left_out_instead_of_zero(engine):
    show(engine.flow.add(), CameraState.LIVE)
    _, text = engine.read(gpu_load=None, storage={})
    for name in ("latency_p95_seconds", "gpu_load_percent", "disk_free_bytes", "media_quota_bytes"):
        assert f"\ncrime_detect_{name}" not in text, name


async def test_the_dashboard_and_the_rules_ask_only_for_what_is_there(engine):
    show(engine.flow.add(), CameraState.LIVE)
    await engine.flow.feed(0.1, 24)
    _, text = engine.read()
    names = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    dashboard = json.loads((MONITORING / "grafana.json").read_text(encoding="utf-8"))
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))
    asked = {target["expr"] for panel in dashboard["panels"] for target in panel["targets"]}
    asked |= {variable["definition"] for variable in dashboard["templating"]["list"] if variable["type"] == "query"}
    asked |= {rule["expr"] for group in rules["groups"] for rule in group["rules"]}
    for question in asked:
        for name in re.findall(r"\b(?:crime_detect|process)_\w+", question.replace('job="crime_detect"', "")):
            assert name in names, f"{name} in {question}"


def test_every_panel_has_a_place_of_its_own():
    panels = json.loads((MONITORING / "grafana.json").read_text(encoding="utf-8"))["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)
