"""Owns how figures become pictures: matplotlib drawings and strips of frames, as data URIs for one page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.image import imsave
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from .thresholds import FINE, sweep

Array = NDArray[Any]
_SIDE = 4.2
_STRIP_HEIGHT = 128
# Text stays text, and the same figures give the same bytes.
_STYLE = {"svg.fonttype": "none", "svg.hashsalt": "report", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}


def confusion_picture(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    with rc_context({**_STYLE, "axes.grid": False}):
        figure, axes = _axes("said", "true", width=max(_SIDE, 0.7 * len(names) + 2))
        counts = np.array(matrix)
        axes.imshow(counts / np.maximum(counts.sum(1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1.3)
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
        axes.set_yticks(range(len(names)), names)
        for (row, column), count in np.ndenumerate(counts):
            axes.text(column, row, str(count), ha="center", va="center")
        return _uri(figure)


def roc_picture(suspicious: Array, suspicion: Array, threshold: float) -> str:
    """The curve with the point where the default threshold stands."""
    false, true, _ = roc_curve(suspicious, suspicion)
    flagged = suspicion >= threshold
    with rc_context(_STYLE):
        figure, axes = _axes("1 − specificity", "recall")
        axes.plot([0, 1], [0, 1], ":", color="grey", label="chance")
        axes.plot(false, true)
        axes.plot(flagged[~suspicious].mean(), flagged[suspicious].mean(), "o", label=f"threshold {threshold:g}")
        axes.legend(loc="lower right")
        return _uri(figure)


def pr_picture(suspicious: Array, suspicion: Array, threshold: float) -> str:
    precision, recall, _ = precision_recall_curve(suspicious, suspicion)
    flagged = suspicion >= threshold
    with rc_context(_STYLE):
        figure, axes = _axes("recall", "precision")
        axes.axhline(suspicious.mean(), linestyle=":", color="grey", label="chance")
        axes.plot(recall, precision)
        if flagged.any():
            point = flagged[suspicious].mean(), suspicious[flagged].mean()
            axes.plot(*point, "o", label=f"threshold {threshold:g}")
        axes.set_ylim(0, 1.03)
        axes.legend(loc="lower left")
        return _uri(figure)


def sweep_picture(suspicious: Array, suspicion: Array, chosen: Mapping[str, float]) -> str:
    """Precision, recall, F1 and specificity over the threshold; `chosen` are marked by name."""
    rows = sweep(suspicious, suspicion, FINE)
    with rc_context(_STYLE):
        figure, axes = _axes("threshold", "", width=1.5 * _SIDE)
        for key in ("precision", "recall", "f1", "specificity"):
            axes.plot(FINE, [np.nan if row[key] is None else row[key] for row in rows], label=key)
        for name, at in chosen.items():
            axes.axvline(at, linestyle="--", color="grey")
            axes.text(at, 0.02, f" {name}", rotation=90, va="bottom")
        axes.legend(loc="lower center")
        return _uri(figure)


def reliability_picture(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> str:
    """How often the model was right over how sure it was; the size of a point is the number of clips."""
    with rc_context(_STYLE):
        figure, axes = _axes("confidence", "accuracy")
        axes.plot([0, 1], [0, 1], ":", color="grey", label="perfect")
        for bins, label in ((before, "before scaling"), (after, "after")):
            confidence, accuracy = ([one[key] for one in bins] for key in ("confidence", "accuracy"))
            axes.plot(confidence, accuracy, alpha=0.5)
            axes.scatter(confidence, accuracy, [4 * one["clips"] ** 0.7 for one in bins], label=label)
        axes.set_xlim(min(one["confidence"] for one in [*before, *after]) - 0.05, 1.02)
        axes.legend(loc="upper left")
        return _uri(figure)


def subgroup_picture(subgroups: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Accuracy of every group with its interval over sources; the dotted line is that of all clips."""
    rows = [(f"{name}: {group}", found) for name, groups in subgroups.items() for group, found in groups.items()]
    first = next(iter(subgroups.values())).values()
    whole = sum(found["accuracy"] * found["clips"] for found in first) / sum(found["clips"] for found in first)
    with rc_context(_STYLE):
        figure, axes = _axes("accuracy", "", width=2 * _SIDE, height=0.32 * len(rows) + 1)
        for place, (_, found) in enumerate(rows):
            low, high = found["interval_95"] or (found["accuracy"],) * 2
            axes.barh(place, found["accuracy"], color="tab:blue", alpha=0.6)
            axes.plot([low, high], [place, place], color="black", linewidth=1)
            axes.text(1.01, place, f"{found['clips']} clips, {found['sources']} sources", va="center", fontsize=7)
        axes.axvline(whole, linestyle=":", color="grey")
        axes.set_yticks(range(len(rows)), [label for label, _ in rows])
        axes.set_xlim(0, 1)
        axes.invert_yaxis()
        return _uri(figure)


def curves_figure(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """One panel a quantity, one line a run, over epochs."""
    keys = list(dict.fromkeys(k for lines in runs.values() for line in lines for k, v in line.items() if _plots(k, v)))
    with rc_context(_STYLE):
        figure = Figure(figsize=(_SIDE * max(1, len(keys)), 3.4), layout="constrained")
        for index, key in enumerate(keys):
            axes = figure.add_subplot(1, len(keys), index + 1)
            for run, lines in runs.items():
                points = [(line["epoch"], line[key]) for line in lines if key in line]
                axes.plot(*zip(*points, strict=True), marker=".", label=run) if points else None
            axes.set_xlabel("epoch")
            axes.set_title(key.replace("_", " "))
            axes.legend(fontsize=7)
    return figure


def strip(pictures: Array, count: int = 6) -> str:
    """`count` pictures of RGB uint8 [T, S, S, 3] from first to last, side by side."""
    chosen = pictures[np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int)]
    step = max(1, chosen.shape[1] // _STRIP_HEIGHT)
    row = np.concatenate(list(chosen[:, ::step, ::step]), 1)
    stream = io.BytesIO()
    imsave(stream, np.ascontiguousarray(row), format="jpg")
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def picture_uri(file: Path) -> str:
    """A PNG file."""
    return f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"


def _plots(key: str, value: Any) -> bool:
    return key != "epoch" and isinstance(value, int | float) and not isinstance(value, bool)


def _axes(x: str, y: str, *, width: float = _SIDE, height: float = _SIDE) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return figure, axes


def _uri(figure: Figure) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(stream.getvalue()).decode()}"


def figure_uri(figure: Figure) -> str:
    with rc_context(_STYLE):
        return _uri(figure)
