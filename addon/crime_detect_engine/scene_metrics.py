"""Owns the Prometheus figures of who is in view: looks, persons, tamper."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from .line import Line
from .pipeline import Pipeline


def scene_metrics(pipeline: Pipeline, lines: Iterable[Line], now_tick_s: float) -> list[Metric]:
    """Of the cameras at which somebody looks, or that are watched for tampering."""
    label = ["camera"]
    looks = CounterMetricFamily(
        "crime_detect_looks", "Moments at which persons and things are looked for", labels=["camera", "outcome"]
    )  # fmt: skip
    persons = GaugeMetricFamily("crime_detect_persons", "Persons in view", labels=label)
    tampered = GaugeMetricFamily("crime_detect_camera_tampered", "1 while the view is tampered with", labels=label)
    for line in lines:
        scene = line.scene
        if scene is None:
            continue
        view = scene.view(now_tick_s)
        tampered.add_metric([line.id], float(view["tampered"]))
        for outcome, count in scene.counts.items():
            looks.add_metric([line.id, outcome], count)
        looks.add_metric([line.id, "dropped"], pipeline.looks_dropped(line.id))
        if view["persons"] is not None:
            persons.add_metric([line.id], view["persons"])
    return [looks, persons, tampered]
