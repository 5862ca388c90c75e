"""Owns the doctor: what works on this machine, and what to do about the rest."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import platform
import shutil
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from . import __version__
from .anonymity import MEND_BLURRING, why_nobody_looks
from .assembly import model_folders
from .config import CameraConfig, Config, ModelOptions, data_dir, load_config
from .config.places import container_config, detector_folders
from .domain.clock import SystemClock
from .domain.errors import CrimeDetectError, SourceError
from .domain.scene import PERSON
from .sources.address import redact, scheme_of, split_url
from .sources.frigate import FrigateDiscovery, FrigateOptions
from .store.opening import look
from .store.privacy import BlurChoice
from .store.store import Store
from .vision.checkpoint import list_checkpoints
from .vision.classifier import load_classifier
from .vision.detectors import choose_detector
from .vision.detectors.weights import WEIGHTS, stored_weights
from .web.oidc import Provider
from .web.options import OidcOptions
from .web.tls import check_files, expiry

GOOD, WARNING, BAD, ABSENT = "ok", "warning", "bad", "absent"
PACKAGES = ("openvino", "torch", "av", "opencv-python-headless", "numpy", "aiohttp", "sqlalchemy", "paho-mqtt")
LOW_DISK_BYTES = 2 * 10**9
CONNECT_S = 3.0
PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "rtmps": 443, "http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `status` is ok, warning, bad or absent; `advice` says what to do."""

    what: str
    status: str
    detail: str
    advice: str | None = None


def doctor_command(arguments: argparse.Namespace) -> int:
    """`crime-detect doctor`: exit code 1 when something is bad."""
    kept = container_config()
    config_file = arguments.config or (kept if kept is not None and kept.exists() else None)
    findings = list(examine(data_dir(arguments.data), config_file))
    if arguments.json:
        print(json.dumps({"version": __version__, "findings": [asdict(one) for one in findings]}, indent=1))
    else:
        signs = {GOOD: "✓", WARNING: "!", BAD: "✗", ABSENT: "–"}
        for one in findings:
            print(f"{signs[one.status]} {one.what}: {one.detail}" + (f"\n    → {one.advice}" if one.advice else ""))
    return 1 if any(one.status == BAD for one in findings) else 0


def examine(data: Path, config_file: Path | None) -> Iterator[Finding]:
    yield Finding("crime-detect", GOOD, f"{__version__} on Python {platform.python_version()}, {platform.platform()}")
    yield from _versions()
    yield _processor()
    yield from _models(data)
    config, findings = _configuration(config_file)
    yield _inference(data, config.model)
    yield _detector(data, config)
    yield _blurring(data, config)
    yield _storage(data, config)
    yield from findings
    yield from _certificates(config)
    if config.access.oidc is not None:
        yield _provider(config.access.oidc)
    yield from _reachable(config)


def _configuration(file: Path | None) -> tuple[Config, Sequence[Finding]]:
    """The file's content, or defaults where there is none that can be used."""
    if file is None:
        return Config(), [Finding("configuration", ABSENT, "none given", "check one with --config FILE")]
    try:
        config = load_config(file)
    except CrimeDetectError as error:
        return Config(), [Finding("configuration", BAD, str(error), "mend the lines named")]
    warnings = [Finding("configuration", WARNING, text) for text in config.warnings]
    return config, [Finding("configuration", GOOD, f"{file.name}: {len(config.cameras)} cameras"), *warnings]


def _versions() -> Iterator[Finding]:
    for package in PACKAGES:
        try:
            yield Finding(package, GOOD, version(package))
        except PackageNotFoundError:
            yield Finding(package, ABSENT, "not installed")
    if not any(importlib.util.find_spec(name) for name in ("openvino", "torch")):
        yield Finding(
            "inference", BAD, "neither openvino nor torch is installed", "install crime-detect[cpu] or [cuda]"
        )


def _processor() -> Finding:
    flags = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        flags = next((line for line in cpuinfo.read_text().splitlines() if line.startswith(("flags", "Features"))), "")
    known = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd") if flag in flags.split()]
    cores = os.cpu_count() or 1
    if not known:
        return Finding("processor", WARNING, f"{cores} cores, no vector extensions found", "expect few cameras a core")
    return Finding("processor", GOOD, f"{cores} cores, {', '.join(known)}")


def _models(data: Path) -> Iterator[Finding]:
    for listing in list_checkpoints(model_folders(data)):
        if listing.spec is not None:
            yield Finding(
                "model", GOOD, f"{listing.name} {listing.spec.version}: knows {', '.join(listing.spec.labels)}"
            )
        elif listing.folder is not None:
            yield Finding("model", BAD, f"{listing.name}: {listing.error}", "install the model again")


def _inference(data: Path, model: ModelOptions) -> Finding:
    try:
        classifier, note = load_classifier(model.name, model.device, model_folders(data), model.precision)
    except CrimeDetectError as error:
        return Finding("inference", BAD, str(error))
    detail = f"{classifier.spec.name} on {classifier.device} in {classifier.precision}"
    return Finding("inference", WARNING if note else GOOD, detail, note)


def _detector(data: Path, config: Config) -> Finding:
    """Looks, and fetches nothing."""
    name, folders = choose_detector(config.detector.name), detector_folders(data)
    if name not in WEIGHTS:
        present = importlib.util.find_spec("torchvision") is not None
        advice = None if present else "install torchvision, or take another detector"
        return Finding("detector", GOOD if present else BAD, f"{name} of torchvision", advice)
    try:
        path = stored_weights(name, folders)
    except CrimeDetectError as error:
        return Finding("detector", BAD, str(error))
    if path is not None:
        return Finding("detector", GOOD, f"{name}: {path}")
    wanted = any(camera.looks for camera in config.cameras.values())
    looked = ", ".join(str(folder) for folder in folders)
    return Finding(
        "detector",
        WARNING if wanted else ABSENT,
        f"{name}: no {WEIGHTS[name].file} in {looked}",
        "the engine fetches it once when a camera has zones or lines; without internet, put the file with SHA-256 "
        f"{WEIGHTS[name].sha256} into one of these",
    )


def _blurring(data: Path, config: Config) -> Finding:
    """Looks, and fetches nothing."""
    hidden = {camera.id: config.privacy.of(camera.privacy) for camera in config.cameras.values()}
    who = ", ".join(f"{name} ({'persons' if blur.persons else 'faces'})" for name, blur in hidden.items() if blur.on)
    if not who and not config.privacy.of(BlurChoice()).on:
        return Finding(
            "blurring", ABSENT, "no camera hides faces or persons", "privacy: {blur_faces: true} hides faces"
        )
    reason = why_nobody_looks(detector_folders(data))
    if reason is None:
        return Finding("blurring", GOOD, f"in pictures of: {who or 'no camera yet'}")
    return Finding("blurring", WARNING, f"{who or 'no camera yet'}: pictures are hidden whole: {reason}", MEND_BLURRING)


def _storage(data: Path, config: Config) -> Finding:
    """Makes no tables on a server where the service has made none."""
    database = config.database
    try:
        if not data.exists():
            place = "" if database.url is None else f"; {look(data, database, SystemClock().now())} answers"
            return Finding("storage", ABSENT, f"{data} is made at the first start{place}")
        name = asyncio.run(_open_and_close(data, config))
    except CrimeDetectError as error:
        return Finding("storage", BAD, str(error))
    free = shutil.disk_usage(data).free
    detail = f"{data}: {name} opens, {free / 1e9:.1f} GB free"
    if free < LOW_DISK_BYTES:
        return Finding("storage", WARNING, detail, "free some space or lower retention.media_quota")
    return Finding("storage", GOOD, detail)


async def _open_and_close(data: Path, config: Config) -> str:
    store = await Store.open(data, SystemClock(), repair=False, database=config.database, privacy=config.privacy)
    await store.close()
    return store.database_name


def _provider(options: OidcOptions) -> Finding:
    try:
        asyncio.run(Provider(options, "", SystemClock()).reach())
    except CrimeDetectError as error:
        return Finding(
            "identity provider", BAD, f"{options.issuer}: {error}", "check access.oidc.issuer and the network"
        )
    return Finding("identity provider", GOOD, f"{options.issuer} answers")


def _certificates(config: Config) -> Iterator[Finding]:
    """Those that we show: to browsers and Home Assistant, and to the broker."""
    now = SystemClock().now()
    if config.tls is not None:
        try:
            ends = check_files(config.tls)
        except CrimeDetectError as error:
            yield Finding("certificate", BAD, str(error), "mend the file; the engine does not start without")
        else:
            said = expiry(ends, now)
            yield Finding(
                "certificate",
                WARNING if said else GOOD,
                f"{config.tls.certificate} {said or f'is valid until {ends:%Y-%m-%d}'}",
                "renew it: the engine takes the new one up by itself" if said else None,
            )
    if config.mqtt is not None and config.mqtt.tls is not None:
        try:
            config.mqtt.tls.context()
            broker_ends = config.mqtt.tls.ends()
        except OSError as error:
            yield Finding("broker's TLS", BAD, f"mqtt.tls.{error}", "mend the file")
        else:
            if broker_ends is not None and (said := expiry(broker_ends, now)) is not None:
                yield Finding("broker's TLS", WARNING, f"{config.mqtt.tls.cert} {said}", "renew it")


def _reachable(config: Config) -> Iterator[Finding]:
    if config.mqtt is not None and not config.mqtt.host:
        yield Finding("broker", GOOD, "the one that Home Assistant offers")
    elif config.mqtt is not None:
        yield _connect("broker", config.mqtt.host, config.mqtt.port)
    else:
        yield Finding("broker", ABSENT, "no mqtt section", "add one to publish to a broker")
    if config.frigate is not None:
        yield from _frigate(config.frigate, config.cameras.values())
    for camera in config.cameras.values():
        yield _camera(camera.id, camera.source)


def _frigate(options: FrigateOptions, cameras: Iterable[CameraConfig]) -> Iterator[Finding]:
    discovery = FrigateDiscovery(options)
    asyncio.run(discovery.poll())
    status = discovery.status
    if not status.available:
        yield Finding("frigate", BAD, str(status.error), "check the section frigate and that Frigate runs")
        return
    found = f"{status.version}: {', '.join(discovery.cameras) or 'no cameras'}"
    yield Finding("frigate", WARNING if status.error else GOOD, found, status.error)
    for camera in cameras:
        known = discovery.offered.get(camera.source.partition("frigate:")[2])
        if known is None or not camera.looks or camera.detector != "auto":
            continue
        if PERSON in known.tracks:
            yield Finding(f"zones of {camera.id}", GOOD, f"Frigate looks there for {', '.join(known.tracks)}")
        else:
            advice = "switch detect on in Frigate with person in objects.track, or set detector: on for this camera"
            yield Finding(f"zones of {camera.id}", WARNING, "Frigate does not look there for persons", advice)


def _camera(name: str, source: str) -> Finding:
    scheme = scheme_of(source)
    if scheme is None and not Path(source).is_file():
        return Finding(f"camera {name}", BAD, f"{redact(source)}: no such file", "mend the address")
    if scheme not in PORTS:
        return Finding(f"camera {name}", GOOD, redact(source))
    try:
        _, host, port = split_url(source, PORTS[scheme])
    except SourceError as error:
        return Finding(f"camera {name}", BAD, str(error), "mend the address")
    return _connect(f"camera {name}", host, port)


def _connect(what: str, host: str, port: int) -> Finding:
    try:
        socket.create_connection((host, port), CONNECT_S).close()
    except OSError as error:
        return Finding(what, BAD, f"{host}:{port} does not answer ({error})", "check address, port and network")
    return Finding(what, GOOD, f"{host}:{port} answers")
