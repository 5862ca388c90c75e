"""Owns the version of the crime_detect engine: camera streams in, classified incidents out."""

import sys

__version__ = "0.2.0"

# OpenVINO and NNCF report their use to Google Analytics as soon as they are imported, unless this package is absent.
# Nothing that runs beside cameras tells anybody that it does.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
