"""Owns the table of layouts: how published sets and plain folders say what each of their videos is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .airtlab import list_airtlab
from .folders import list_folders
from .listing import ClipFile, Request
from .rwf2000 import list_rwf2000
from .ucf_crime import list_ucf_crime
from .xd_violence import list_xd_violence

LAYOUTS: Mapping[str, Callable[[Request], list[ClipFile]]] = {
    "folders": list_folders,
    "ucf-crime": list_ucf_crime,
    "rwf-2000": list_rwf2000,
    "xd-violence": list_xd_violence,
    "airtlab": list_airtlab,
}
