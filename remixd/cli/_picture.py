"""A track as a picture: a lane a stem, bars across them, sections, singing and energy above and time below.

Its letters are Latin. A title that they cannot write is left out of the picture for the track's id, and a
section's label for nothing; the file's own title, in its metadata, has every letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from remixd.cli._out import minutes
from remixd.cli._png import Colour, Pixels, can_write, text_width, write_text
from remixd.track.overview import Outline

WIDTH: Final = 1600
LANE: Final = 96
_TOP, _BAND, _FOOT = 28, 24, 24
_CURVE: Final = 32
_SUNG: Final = 6
_PAPER: Final[Colour] = (250, 250, 248)
_INK: Final[Colour] = (40, 40, 44)
_BAR: Final[Colour] = (216, 216, 212)
_PHRASE: Final[Colour] = (168, 168, 164)
_STEMS: Final[Mapping[str, Colour]] = {
    "drums": (196, 78, 82), "bass": (76, 114, 176), "vocals": (85, 150, 104), "other": (129, 114, 178),
}  # fmt: skip
_SECTIONS: Final[tuple[Colour, ...]] = (
    (222, 203, 228), (204, 235, 197), (254, 217, 166), (179, 205, 227), (251, 180, 174), (229, 216, 189),
    (253, 218, 236), (214, 214, 214),
)  # fmt: skip
_LEAST_BAR_PIXELS: Final = 4


def draw_picture(package: Mapping[str, Any], outlines: Mapping[str, Outline]) -> Pixels:
    """Draw a track.

    Args:
        package: a track in JSON's types.
        outlines: by the name of each stem that plays, `WIDTH` columns each.

    Returns:
        uint8 (height, WIDTH, 3).
    """
    over = _TOP + _BAND + _CURVE
    pixels = np.empty((over + LANE * len(outlines) + _FOOT, WIDTH, 3), np.uint8)
    pixels[:] = _PAPER
    per_s = WIDTH / max(package["duration_s"], 1e-6)
    _draw_head(pixels, package)
    _draw_sections(pixels, package, per_s)
    _draw_energy(pixels[_TOP + _BAND : over], package, per_s)
    lanes = slice(over, pixels.shape[0] - _FOOT)
    _draw_bars(pixels[lanes], package, per_s)
    roles = {stem["name"]: stem["role"] for stem in package["stems"]}
    loudest = max([1e-9, *(float(shape.peak.max()) for shape in outlines.values())])
    for number, (name, shape) in enumerate(outlines.items()):
        top = lanes.start + number * LANE
        _draw_lane(pixels[top : top + LANE], shape, loudest, _STEMS[roles[name]])
        write_text(pixels, 4, top + 4, name, _INK)
    _draw_time(pixels, package["duration_s"], per_s)
    return pixels


def _draw_head(pixels: Pixels, package: Mapping[str, Any]) -> None:
    title = package["title"] if can_write(package["title"]) else package["id"]
    told = [title, package["key"] or "", package["metre"] or ""]
    if package["bpm"] is not None:
        told.append(f"{package['bpm']:.2f} bpm")
    write_text(pixels, 4, 8, "   ".join(filter(None, told)), _INK)


def _draw_sections(pixels: Pixels, package: Mapping[str, Any], per_s: float) -> None:
    labels = list(dict.fromkeys(part["label"] for part in package["sections"]))
    for part in package["sections"]:
        left, right = int(part["start_s"] * per_s), int(part["end_s"] * per_s)
        place = pixels[_TOP : _TOP + _BAND, left:right]
        place[:] = _SECTIONS[labels.index(part["label"]) % len(_SECTIONS)]
        place[:, :1] = _INK
        if can_write(part["label"]):
            write_text(place, 4, 7, part["label"], _INK)


def _draw_energy(place: Pixels, package: Mapping[str, Any], per_s: float) -> None:
    """The curve of energy, filled, and over it a line where somebody sings."""
    height = _CURVE - _SUNG - 2
    curve = np.array([*package["energy_curve"], 0.0])
    seconds = np.minimum((np.arange(WIDTH) / per_s).astype(int), len(curve) - 1)
    from_below = np.arange(height)[::-1, None] + 1
    place[_SUNG + 2 :][from_below <= height * curve[seconds]] = _PHRASE
    for span in package["singing"] or ():
        left, right = int(span["start_s"] * per_s), int(span["end_s"] * per_s) + 1
        place[:_SUNG, left:right] = _STEMS["vocals"]


def _draw_bars(lanes: Pixels, package: Mapping[str, Any], per_s: float) -> None:
    """Bars where they are no nearer to each other than 4 pixels, phrases always."""
    downbeats_s = package["downbeats_s"]
    if len(downbeats_s) * _LEAST_BAR_PIXELS <= WIDTH:
        lanes[:, _columns(downbeats_s, per_s)] = _BAR
    lanes[:, _columns(package["phrases_s"], per_s)] = _PHRASE


def _columns(times_s: list[float], per_s: float) -> list[int]:
    return [min(int(time_s * per_s), WIDTH - 1) for time_s in times_s]


def _draw_lane(lane: Pixels, shape: Outline, loudest: float, colour: Colour) -> None:
    """Peaks pale, power above them full, mirrored at the middle; `loudest` fills the lane."""
    away = np.abs(np.arange(LANE) - (LANE - 1) / 2)[:, None] / (LANE / 2 - 2)
    pale = tuple((value + 255) // 2 for value in colour)
    lane[away <= shape.peak / loudest] = pale
    lane[away <= shape.rms / loudest] = colour


def _draw_time(pixels: Pixels, duration_s: float, per_s: float) -> None:
    step_s = next(step for step in (1, 2, 5, 10, 15, 30, 60, 300, 600, 3600) if step * per_s >= 80)
    foot = pixels.shape[0] - _FOOT
    for time_s in range(0, int(duration_s) + 1, step_s):
        x = int(time_s * per_s)
        pixels[foot : foot + 4, x : x + 1] = _INK
        if x + text_width(minutes(time_s)) <= WIDTH:
            write_text(pixels, x + 3, foot + 8, minutes(time_s), _INK)
