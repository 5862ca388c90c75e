"""Owns what ships and what may never be in the tree: checkpoints, versions, pins, and nothing of a machine."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ROOT / "addon" / "crime_detect_engine"


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def tracked_texts() -> Iterator[tuple[str, str]]:
    for path in tracked_files():
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text()
        except UnicodeDecodeError:
            continue


def toml_of(path: str) -> dict:
    return tomllib.loads((ROOT / path).read_text())


# --- what ships ---------------------------------------------------------------------------------------------------


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_shipped_checkpoints_are_those_of_models() -> None:
    shipped = sorted(path for path in (ENGINE / "checkpoints").iterdir() if path.is_dir())
    assert shipped, "the engine ships no checkpoint"
    for folder in shipped:
        truth = digests(ROOT / "models" / folder.name)
        ours = digests(folder)
        assert ours, f"{folder.name} is empty"
        assert ours == {name: truth.get(name) for name in ours}, f"{folder.name} differs from models/{folder.name}"


def test_the_shipped_model_is_small() -> None:
    for folder in (path for path in (ENGINE / "checkpoints").iterdir() if path.is_dir()):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        assert size <= 25_000_000, f"{folder.name} has {size} bytes"


def version() -> str:
    match = re.search(r'^__version__ = "(.+)"$', (ENGINE / "__init__.py").read_text(), re.MULTILINE)
    assert match, "no version"
    return match[1]


def test_the_version_is_the_newest_of_the_changelog() -> None:
    entries = re.findall(r"^## \[?(\d+\.\d+\.\d+)\]?", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert entries[0] == version()


def test_every_dependency_is_pinned() -> None:
    project = toml_of("addon/pyproject.toml")["project"]
    pins: dict[str, list[Requirement]] = {}
    for line in (ROOT / "addon" / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    assert all(str(pin.specifier).startswith("==") and pin.url is None for many in pins.values() for pin in many)
    wanted = [*project["dependencies"], *(r for many in project["optional-dependencies"].values() for r in many)]
    for requirement in map(Requirement, wanted):
        for pin in pins.get(canonicalize_name(requirement.name), []):
            exact = next(iter(pin.specifier)).version
            assert requirement.specifier.contains(exact), f"{requirement} does not allow the pinned {exact}"
        assert canonicalize_name(requirement.name) in pins, f"{requirement} is not in addon/constraints.txt"


def test_what_is_imported_is_declared() -> None:
    """A library that only comes along with another one leaves with it."""
    project = toml_of("addon/pyproject.toml")["project"]
    wanted = [*project["dependencies"], *(r for many in project["optional-dependencies"].values() for r in many)]
    declared = {canonicalize_name(Requirement(text).name) for text in wanted}
    providers = importlib.metadata.packages_distributions()
    ours = {ENGINE.name, "_typeshed"}  # the latter is the type checker's own
    missing = set()
    for path in ENGINE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for top in {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - ours:
                # What is not installed here (torch, scikit-learn) goes by its own name.
                if not declared & {
                    canonicalize_name(name) for name in providers.get(top, [{"sklearn": "scikit-learn"}.get(top, top)])
                }:
                    missing.add(f"{path.relative_to(ENGINE)} imports {top}")
    assert not missing


def test_torch_is_no_part_of_the_cpu_product() -> None:
    project = toml_of("addon/pyproject.toml")["project"]
    everywhere = [
        *project["dependencies"],
        *project["optional-dependencies"]["cpu"],
        *project["optional-dependencies"]["dev"],
    ]
    names = {canonicalize_name(Requirement(text).name) for text in everywhere}
    assert not names & {"torch", "torchvision", "triton"}


# --- what may never be in the tree --------------------------------------------------------------------------------


def test_the_tree_names_no_machine_and_no_registry() -> None:
    machine = [f"{Path.home()}/", f"{ROOT}/"]
    registry = re.compile(
        r"pypi\.org|pythonhosted\.org|npmjs\.org|index[-_]url|find[-_]links|://[^/\s]*debian\.org/debian"
    )
    wrong = []
    for name, text in tracked_texts():
        wrong += [f"{name} names {path}" for path in machine if path in text]
        wrong += [f"{name} names {match[0]}" for match in registry.finditer(text) if name != "tests/test_tree.py"]
    assert not wrong


def test_the_tree_holds_no_secret_and_no_database() -> None:
    secret = re.compile(r"-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----\n[A-Za-z0-9+/=]{40}|\bAKIA[0-9A-Z]{16}\b")
    wrong = [name for name, text in tracked_texts() if secret.search(text)]
    wrong += [
        path.name
        for path in tracked_files()
        if path.suffix in {".db", ".sqlite", ".pem", ".key", ".pkl", ".pt", ".pth"}
    ]
    assert not wrong


def test_the_tree_holds_no_clip() -> None:
    """The training clips show identifiable people."""
    videos = {".mp4", ".avi", ".mkv", ".mov", ".webm", ".ts"}
    assert [path.name for path in tracked_files() if path.suffix.lower() in videos] == []
