"""Owns the composition of the service: each object is built once, everything stops in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from . import background
from .activation import Activation
from .alert_test import send_test
from .analysis import UploadAnalysis
from .anchoring import build_anchoring, read_head
from .anomaly_learning import AnomalyLearning
from .anonymity import Anonymity
from .assembly import build_line, build_reporter, model_folders, start_workers
from .config import CameraConfig, Config, changes, model_name
from .config.editor import ConfigEditor
from .configuring import Configuring
from .control import Control
from .domain.clock import Clock
from .domain.errors import ConfigError, InvalidInputError, SourceError
from .domain.ports import Actor
from .domain.types import CameraChanged, EngineChanged, Event, IncidentChanged
from .door import Door
from .frigate_watch import FrigateWatch
from .gpu import GpuLoad
from .inference import Worker
from .models import Models
from .outputs import build_channels
from .outputs.anchor_mail import anchor_channel
from .outputs.message import Site
from .outputs.mqtt import MqttOutput
from .outputs.outbox import Outbox
from .outputs.report_mail import report_channel
from .pipeline import Pipeline
from .problems import Problem
from .reload import ConfigFollower, effective
from .report_clock import ReportClock
from .scene_watch import SceneOptions
from .sight import Sight
from .sources.frigate import FrigateDiscovery
from .sources.frigate_objects import FrigateObjects
from .status import Identity, Status
from .store.tokens import ADMIN_TOKEN_FILE
from .storing import open_store
from .supervisor import Supervisor
from .web.server import Server
from .writer import Writer, store_entry

_LOG = logging.getLogger(__name__)
WRITER_STOP_S = 3.0


class Service:
    """The running engine. `start` raises CrimeDetectError for what a person must mend first; `stop` takes < 5 s.

    `editor` owns the configuration file, None without one; `extra` are cameras of the command line beside it.
    """

    def __init__(
        self,
        config: Config,
        data: Path,
        editor: ConfigEditor | None,
        clock: Clock,
        extra: frozenset[str] = frozenset(),
        supervisor: Supervisor | None = None,
    ) -> None:
        self.config = supervisor.complete(config) if supervisor else config
        self._supervisor = supervisor
        self._data = data
        self._editor = editor
        self._clock = clock
        self._stack = contextlib.AsyncExitStack()
        self._models = Models(model_folders(data))
        self._mqtt: MqttOutput | None = None
        self._frigate: FrigateWatch | None = None
        self._frigate_objects: FrigateObjects | None = None
        self._extra = extra
        self._waiting: frozenset[str] = frozenset()
        self._notable: list[Callable[[], Sequence[str]]] = [self._models.notes]
        """The parts that have something to say to people about what is switched off or does not answer."""
        self._applying = asyncio.Lock()
        self.admin_token = data / ADMIN_TOKEN_FILE
        """Written at the first start; a person may have deleted it since."""

    async def start(self, host: str, port: int) -> Server:
        """The web server, listening."""
        async with contextlib.AsyncExitStack() as stack:
            self._stack = stack
            server = await self._start(host, port)
            self._stack = stack.pop_all()
        return server

    async def stop(self) -> None:
        await self._stack.aclose()

    async def _start(self, host: str, port: int) -> Server:
        self._models.read(self.config)
        await self._open_store()
        self._sight = Sight(self.config.detector.name, self._data)
        workers, identity = await self._start_workers()
        self._anonymity = Anonymity(self.config.privacy, self._data)
        self._stack.callback(self._anonymity.close)
        self._writer = Writer(partial(store_entry, self._store, self._anonymity))
        self._writer.start()
        self._stack.push_async_callback(self._writer.stop, WRITER_STOP_S)
        self._pipeline = Pipeline(workers, self._writer.put, self._clock)
        self._pipeline.start()
        self._stack.push_async_callback(self._pipeline.stop)
        self._status = Status(identity, self._store, self._pipeline, workers, self._writer, self._clock)
        if identity.device == "cuda":
            self._status.gpu_load = GpuLoad()
        self._find_frigate()
        self._build_outputs()
        for camera in self.config.cameras.values():
            await self.add_camera(camera)
        if self._frigate is not None:
            self._run(self._frigate.run(), "frigate")
        if self._editor is not None:
            follower = ConfigFollower(self._editor, partial(self._activation.follow, apply=self._apply))
            self._run(follower.run(), "configuration")
            self._notable.append(follower.notes)
        anomaly = AnomalyLearning(self._data, self._pipeline, lambda: self.config, self._clock)
        self._stack.push_async_callback(anomaly.stop)
        self._run(anomaly.run(), "what is normal")
        self._notable.append(anomaly.notes)
        self._run(self._sight.run(self._pipeline, workers), "who is there")
        self._run(self._status.run(), "status")
        self._run(self._store.retention.run(), "retention")
        anchoring = build_anchoring(
            self._store, self._pipeline, self._mqtt, self.config, self._clock, self._outbox.notify
        )
        self._run(anchoring.run(), "evidence")
        self._run(self._anonymity.run(self._pipeline), "blurring")
        self._notable += [self._sight.notes, anchoring.notes, self._anonymity.notes]
        server = await self._door.open(host, port, self._data / "uploads")
        self._stack.push_async_callback(server.stop)
        self._notable.append(self._door.notes)
        await self._door.announce(server)
        return server

    async def _open_store(self) -> None:
        file = None if self._editor is None else self._editor.path
        self._store = await open_store(lambda: self.config, self._data, self._clock, file, self._stack)

    async def _start_workers(self) -> tuple[list[Worker], Identity]:
        started = await start_workers(
            list(self._models.specs), self.config.model, self._data, self._clock, self._sight.load
        )
        for worker in started.workers:
            self._stack.callback(worker.close)
        self._models.serve(started.workers)
        config, specs = self.config, list(self._models.specs.values())
        return started.workers, Identity(
            config.instance,
            started.device,
            specs,
            started.fallback,
            tuple(config.warnings),
            config.base_url,
            config.model.device,
            config.timezone,
            started.precision,
        )

    def _build_outputs(self) -> None:
        config, store, clock = self.config, self._store, self._clock
        configuring = Configuring(
            self._editor,
            self._apply,
            self._pipeline,
            store.audit,
            clock,
            retention=lambda: self.config.retention,
            discovery=lambda: self._frigate_objects.discovery if self._frigate_objects else None,
            extra=self._extra,
        )
        self._activation = Activation(
            self._models, configuring, self._pipeline, store.audit, lambda: self.config.model.name
        )
        reporter, public = build_reporter(store, self._pipeline, lambda: self.config, clock)
        self._control = Control(
            store,
            self._pipeline,
            self._status,
            clock,
            anonymity=self._anonymity,
            configuring=configuring,
            activation=self._activation,
            reporter=reporter,
            public=public,
            analyze_upload=UploadAnalysis(lambda: self._models.first, config.model, model_folders(self._data)),
            send_test=self._send_test,
        )
        self._door = Door(store, self._control, config, clock, self._supervisor, self._run)
        if config.mqtt is not None:
            address, dropped, frigate = config.base_url, self._pipeline.dropped, self._frigate_objects
            self._mqtt = MqttOutput(config.mqtt, self._control, config.instance, address, clock, dropped, frigate)
        site = Site(config.base_url, config.timezone, self._camera_name)
        channel = self._mqtt.channel if self._mqtt else None
        due, identity = ReportClock(lambda: self.config.reports, config.timezone, clock), (store.uuid, store.epoch)
        reports = report_channel(due.options, public.writer(reporter.letter), clock)
        anchors = anchor_channel(lambda: self.config.evidence.anchor_email, read_head(store.evidence), clock)
        picture = self._door.picture_address
        channels = build_channels(config.alerts, site, clock, identity, channel, picture, reports, anchors)
        self._outbox = self._status.outbox = Outbox(store.outbox, channels, clock)
        self._status.notes, self._status.complaints = self._notes, self._complaints
        self._status.mqtt_discovery = lambda: self._mqtt is not None and self._mqtt.discovery
        self._stack.callback(store.subscribe(self._tell))
        if self._mqtt is not None:
            self._notable.append(self._mqtt.notes)
            self._mqtt.start()
            self._stack.push_async_callback(self._mqtt.stop)
        self._outbox.start()
        self._stack.push_async_callback(self._outbox.stop)
        self._run(due.run(store.outbox.add_once, self._outbox.notify), "reports")
        self._run(public.run(), "what is told to everybody")

    def _find_frigate(self) -> None:
        options = self.config.frigate
        if options is None:
            return
        config, discovery = self.config, FrigateDiscovery(options)
        self._frigate = FrigateWatch(
            discovery, config.cameras, config.severity, self.add_camera, self._remove_camera, options.poll_s
        )
        self._frigate_objects = FrigateObjects(discovery, self._clock)
        self._run(self._frigate_objects.run(), "what Frigate sees")
        self._notable += [self._frigate.notes, self._frigate_objects.notes]

    async def add_camera(self, camera: CameraConfig) -> None:
        """Raises ConfigError for an address that no source can read."""
        spec = await self._models.need(model_name(camera, self.config.model.name))
        runtime = await self._store.cameras.get(camera.id)
        try:
            scene = SceneOptions(self.config.detector, self.config.fusion, self.config.patterns)
            zone, clock = self.config.timezone, self._clock
            frigate, blur_of = self._frigate_objects, self._anonymity.of
            line = build_line(camera, spec, self._pipeline, runtime, zone, clock, frigate, scene, blur_of)
        except (SourceError, InvalidInputError) as error:
            raise ConfigError(f"camera {camera.id}: {error}") from error
        self._pipeline.add(line)

    async def _remove_camera(self, camera: str) -> None:
        await self._pipeline.remove(camera)
        if self._mqtt is not None:
            self._mqtt.remove_camera(camera)

    def _tell(self, event: Event) -> None:
        """Carries what was stored to the outputs."""
        if isinstance(event, IncidentChanged):
            self._outbox.notify()
        elif self._mqtt is not None and isinstance(event, CameraChanged):
            if event.camera in self._pipeline.lines:  # else it was removed meanwhile, and its topic is cleared
                self._mqtt.publish_camera_state(event.camera, event.data)
        elif self._mqtt is not None and isinstance(event, EngineChanged):
            self._mqtt.publish_info()

    async def _apply(self, wanted: Config) -> None:
        """Puts a changed configuration in force: rules in place, cameras one by one, the rest at the next start.

        Raises ConfigError for cameras that cannot be read; everything else is in force then.
        """
        async with self._applying:
            await self._put_in_force(wanted)

    async def _put_in_force(self, wanted: Config) -> None:
        running = self.config
        wanted = self._supervisor.complete(wanted) if self._supervisor else wanted
        added = {name: one for name, one in running.cameras.items() if name in self._extra}
        wanted = replace(wanted, cameras={**wanted.cameras, **added})
        wanted, self._waiting = effective(running, wanted)
        self.config, loaded = await self._models.choose(running, wanted)
        change = changes(running, self.config)
        self._store.retention.options = self.config.retention
        self._anonymity.options = self.config.privacy
        if self._mqtt is not None and self.config.mqtt is not None:
            self._mqtt.discovery = self.config.mqtt.ha_discovery
        lines = self._pipeline.lines
        for camera in sorted(change.removed & lines.keys()):
            await self._remove_camera(camera)
        if self._frigate is not None:
            for found in await self._frigate.reconfigure(self.config.cameras, self.config.severity):
                self._pipeline.set_config(found.id, found)
        for camera in sorted(change.rules_changed & lines.keys()):
            self._pipeline.set_config(camera, self.config.cameras[camera])
        again = {camera: lines[camera].config for camera in self._models.outdated(loaded, self.config, lines)}
        again |= {camera: self.config.cameras[camera] for camera in change.added | change.rebuild}
        for camera in sorted(again.keys() & lines.keys()):
            await self._pipeline.remove(camera)  # who listens need not forget it: it comes back
        if loaded is not None:
            await self._models.put_in_force(loaded, [*again.values(), *(line.config for line in lines.values())])
            self._status.use_models(list(self._models.specs.values()), loaded.classifiers[0].precision)
        problems = []
        for camera in sorted(again):
            try:
                await self.add_camera(again[camera])
            except ConfigError as error:
                problems.append(str(error))
                if self._mqtt is not None:
                    self._mqtt.remove_camera(camera)
        if problems:
            raise ConfigError("\n".join(problems))

    async def _send_test(self, _actor: Actor) -> Mapping[str, Any]:
        return await send_test(self._outbox, self.config.alerts, self._models.first.labels, self._clock)

    def _camera_name(self, camera: str) -> str:
        line = self._pipeline.lines.get(camera)
        return line.config.name if line else camera

    def _notes(self) -> Sequence[str]:
        """What is switched off or does not answer, for people."""
        notes = [note for part in self._notable for note in part()]
        if self._supervisor is not None:
            notes += self._supervisor.notes(self.config)
        if self._waiting:
            notes.append(f"changed in the file, in force after a restart: {', '.join(sorted(self._waiting))}")
        return [*notes, *(f"{line.id}: {line.note}" for line in self._pipeline.lines.values() if line.note)]

    def _complaints(self) -> Sequence[Problem]:
        status = self._mqtt.status() if self._mqtt is not None else None
        if status is None or status.state != "duplicate_instance":
            return ()
        return (Problem("mqtt_duplicate_instance", None, status.error or "another engine uses this instance"),)

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._stack.push_async_callback(background.end, background.start(work, name, self._status.died))
