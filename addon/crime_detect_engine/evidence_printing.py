"""Owns how an evidence package comes by its PDF: what the store knows, on a sheet that analytics prints."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from . import __version__
from .store.evidence.package import Material
from .store.evidence.report import custody_lines
from .store.pictures import thumbnail
from .store.store import Store

PICTURE_WIDTH = 1280


def prepare_evidence(store: Store) -> None:
    """Packages of this store say who made them, and have a PDF in them."""
    store.evidence.version = __version__
    store.evidence.printer = print_evidence


def print_evidence(material: Material, missing: Mapping[str, str], picture: bytes) -> bytes:
    """Blocks for some tenths of a second."""
    from .analytics.incident_pdf import incident_pdf, sheet_of  # takes a third of a second, which a start need not

    times = [datetime.fromisoformat(score["at"]) for score in material.scores]
    first, head = material.links[0][0], material.links[-1][0]
    about = (
        f"Part of the evidence package of incident {material.incident_id}, made {material.made_at} (UTC) by "
        f"crime_detect {material.engine['version']}. What this package proves, and what not, is in README.txt. "
        "The class and the confidence are the judgement of a program that is wrong at times."
    )
    sheet = sheet_of(
        material.incident,
        material.scores,
        [(at - times[0]).total_seconds() for at in times],
        done=[(one["at"], f"{one['who']}: {one['what']}") for one in custody_lines(material)],
        remarks=[*(f"{part} is not in this package: {why}" for part, why in missing.items()), *material.notes],
        made=f"made {material.made_at}",
        chain=f"Links {first.seq} to {head.seq}; the newest is of {head.at}: {head.hash}",
        picture=thumbnail(picture, PICTURE_WIDTH),
        about=about,
    )
    return incident_pdf(sheet)
