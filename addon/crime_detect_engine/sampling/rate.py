"""Owns `frame_skip` as people know it ("every Nth frame"), mapped to the rate that the model was trained on."""

from __future__ import annotations

TOLERANCE = 0.25


def rate_of(frame_skip: int | None, source_fps: float, model_fps: float) -> tuple[float, str | None]:
    """Frames a second to sample, and a note for the user where it is not what was asked.

    Every Nth frame of the source is taken where that is within 25 % of the model's rate: its LSTM learned one frame
    spacing. Raises ValueError for a skip below 1.
    """
    if frame_skip is None:
        return model_fps, None
    if frame_skip < 1:
        raise ValueError("frame_skip is 1 or more: every Nth frame")
    if source_fps <= 0:
        return model_fps, f"frame_skip {frame_skip} waits for the camera's frame rate; sampling at {model_fps:g}/s"
    asked_fps = source_fps / frame_skip
    if abs(asked_fps - model_fps) <= TOLERANCE * model_fps:
        return asked_fps, None
    best = max(1, round(source_fps / model_fps))
    return model_fps, (
        f"frame_skip {frame_skip} of {source_fps:g} fps is {asked_fps:.3g} frames a second; the model was trained on "
        f"{model_fps:g}: sampling at {model_fps:g} (frame_skip {best} would be nearest)"
    )
