"""Owns the report of what fills the app's image: python3 scripts/image_size.py ROOT-OF-THE-IMAGE docs/image-size.md"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

LIMIT_BYTES = 1_200_000_000
SHOWN = 15
ENGINE = "opt/crime-detect"


def files_below(folder: Path) -> dict[Path, int]:
    """Bytes of each file, a file with several names counted once."""
    sizes: dict[Path, int] = {}
    seen: set[tuple[int, int]] = set()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        stat = path.stat()
        if (stat.st_dev, stat.st_ino) not in seen:
            seen.add((stat.st_dev, stat.st_ino))
            sizes[path] = stat.st_size
    return sizes


def python_packages(root: Path, sizes: dict[Path, int]) -> dict[str, int]:
    """Bytes of each installed distribution, by the list of files that it came with."""
    found: dict[str, int] = {}
    for record in (root / ENGINE).glob("lib/python3*/site-packages/*.dist-info/RECORD"):
        folder = record.parent.parent
        name = record.parent.name.removesuffix(".dist-info").replace("-", " ", 1)
        with record.open(newline="") as lines:
            own = {(folder / row[0]).resolve() for row in csv.reader(lines) if row}
        found[name] = sum(sizes.get(path, 0) for path in own)
    return found


def debian_packages(root: Path) -> dict[str, int]:
    """Installed bytes of each package, as Debian states them."""
    found: dict[str, int] = {}
    name = ""
    for line in (root / "var/lib/dpkg/status").read_text().splitlines():
        key, _, value = line.partition(": ")
        if key == "Package":
            name = value
        elif key == "Installed-Size":
            found[name] = int(value) * 1024
    return found


def report(root: Path) -> tuple[str, int]:
    """The report in Markdown, and the bytes of the whole image."""
    sizes = files_below(root.resolve())
    total = sum(sizes.values())
    below_engine = sum(size for path, size in sizes.items() if path.is_relative_to(root.resolve() / ENGINE))
    python, debian = python_packages(root.resolve(), sizes), debian_packages(root)
    lines = [
        "# What fills the app's image",
        "",
        "Written by `./scripts/build-image`: the real `addon/Dockerfile` on a Debian 13 made by debootstrap (the base",
        "of Home Assistant is that plus s6-overlay), amd64, unpacked.",
        "",
        "| part | MB |",
        "|--|--:|",
        f"| the engine and its libraries (`/{ENGINE}`) | {below_engine / 1e6:.0f} |",
        f"| Debian and Python | {(total - below_engine) / 1e6:.0f} |",
        f"| **together** (limit {LIMIT_BYTES / 1e6:.0f}) | **{total / 1e6:.0f}** |",
        "",
    ]
    for title, packages in (("Python package", python), ("Debian package", debian)):
        ordered = sorted(packages.items(), key=lambda one: (-one[1], one[0]))
        rest = sum(size for _, size in ordered[SHOWN:])
        lines += [f"| {title} | MB |", "|--|--:|"]
        lines += [f"| {name} | {size / 1e6:.1f} |" for name, size in ordered[:SHOWN]]
        lines += [f"| {len(ordered) - SHOWN} more | {rest / 1e6:.1f} |", ""]
    return "\n".join(lines), total


def main() -> int:
    text, total = report(Path(sys.argv[1]))
    sys.stdout.write(text)
    if sys.argv[2] != "-":
        Path(sys.argv[2]).write_text(text)
    return 0 if total <= LIMIT_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
