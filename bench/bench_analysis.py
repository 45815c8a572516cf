"""Are beats, bars and tempo right, and does the confidence know?

Songs whose truth is known, each read as stems, as one mix, and with its first 5.4 s cut off, beside
essentia's and librosa's trackers on the mix. Scores are mir_eval's (70 ms, the first 5 s left out; Davies,
Degara and Plumbley 2009), after one constant offset a song of at most 30 ms, which is told: an instrument's
attack is later than its note. Songs without an exact truth are told, not judged.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remixd.analysis.decode import Source, decode
from remixd.analysis.rhythm import find_rhythm
from remixd.analysis.rhythm_features import RhythmFeatures
from remixd.track.roles import cast_name, is_master
from remixd.units import StemRole

from .essentia_beats import ANALYSIS_HZ, find_beats
from .results import Case
from .runner import Skipped, Task

Times = NDArray[np.float64]
Mono = NDArray[np.float32]

FOLDER: Final = "REMIXD_MUSIC"
BESIDE: Final = Path(__file__).resolve().parents[2] / "shared" / "data" / "music"
SUFFIXES: Final = (".flac", ".ogg", ".wav")
CUT_S: Final = 5.4
OFFSET_MOST_S: Final = 0.03
WINDOW_S: Final = 0.07
RIGHT: Final = 0.9
"""Beat F from which a song counts as right, where the confidence is asked whether it knew."""
EXACT: Final = ("exact, from the MIDI file", "LMMS project head")
SONGS_QUICK: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is known of a song; `judged` if it is exact."""

    beats_s: Times
    downbeats_s: Times
    metre: str
    judged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Song:
    """A folder of stems with its truth: `stems` are role and mono float32 at `rate_hz`."""

    name: str
    rate_hz: int
    stems: tuple[tuple[StemRole, Mono], ...]
    truth: Truth

    @property
    def mix(self) -> Mono:
        """The sum of the stems."""
        total = np.zeros(max(pcm.shape[0] for _, pcm in self.stems), np.float32)
        for _, pcm in self.stems:
            total[: pcm.shape[0]] += pcm
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a system says of a song; `confidence` is None where it does not tell."""

    beats_s: Times
    downbeats_s: Times
    metre: str | None = None
    confidence: Mapping[str, float] | None = None


def run(task: Task) -> None:
    """Read every song in every way; then ask whether the confidence tells right from wrong."""
    try:
        import mir_eval  # noqa: F401  - asked for before a minute of work
    except ImportError:
        raise Skipped("mir_eval is not installed: pip install 'remixd[bench]'") from None
    folder = Path(os.environ.get(FOLDER) or BESIDE)
    names = sorted(path.parent.name for path in folder.glob("stems/*/truth.json"))
    if not names:
        raise Skipped(f"there are no songs with a truth in {folder}; {FOLDER} names the folder")
    peers = _peers(task)
    known: list[tuple[float, bool]] = []
    for name in names[: SONGS_QUICK if task.quick else None]:
        task.tell(name)
        song = read_song(folder, name)
        for heard, stems, truth in _ways(song):
            started = time.process_time()
            answer = ask_remixd(stems, song.rate_hz)
            spent = time.process_time() - started
            case: Case = {"song": name, "system": "remixd", "heard": heard, "judged": int(truth.judged)}
            scores = _score(task, case, answer, truth)
            minutes = max(pcm.shape[0] for _, pcm in stems) / song.rate_hz / 60.0
            task.figure("CPU a minute of audio", "s", [spent / minutes], case)
            known.append(((answer.confidence or {}).get("beats", 0.0), scores >= RIGHT))
        for system, ask in peers.items():
            peer_case: Case = {
                "song": name,
                "system": system,
                "heard": "mix",
                "judged": int(song.truth.judged),
            }
            _score(task, peer_case, ask(song.mix, song.rate_hz), song.truth)
    area = area_under_curve(known)
    if area is None:
        task.skip("confidence", "every song was read alike well: there is no right and wrong to tell apart")
    else:
        task.figure("confidence: area under the curve", "share", [area], {"songs": len(known)})


def _ways(song: Song) -> Iterator[tuple[str, tuple[tuple[StemRole, Mono], ...], Truth]]:
    """How a song is heard: its stems, one mix, and both of its beginnings."""
    yield "stems", song.stems, song.truth
    yield "mix", (("other", song.mix),), song.truth
    start = round(CUT_S * song.rate_hz)
    yield "cut", tuple((role, pcm[start:]) for role, pcm in song.stems), _later(song.truth, CUT_S)


def _later(truth: Truth, seconds: float) -> Truth:
    beats_s, downbeats_s = truth.beats_s - seconds, truth.downbeats_s - seconds
    return Truth(
        beats_s=beats_s[beats_s >= 0.0],
        downbeats_s=downbeats_s[downbeats_s >= 0.0],
        metre=truth.metre,
        judged=truth.judged,
    )


def read_song(folder: Path, name: str) -> Song:
    """Decode the stems of `stems/NAME` and read its `truth.json`; the manifest tells metre and source."""
    stems, rate_hz = [], 0
    for path in sorted((folder / "stems" / name).iterdir()):
        if path.suffix not in SUFFIXES or is_master(path.stem, ""):
            continue
        blocks = []
        for decoded in decode(Source(path=path, name=path.name)):
            blocks.append(decoded.block.mean(axis=1))
            rate_hz = decoded.rate_hz
        stems.append((cast_name(path.stem).role, np.concatenate(blocks)))
    told = json.loads((folder / "stems" / name / "truth.json").read_text("utf-8"))
    entries = json.loads((folder / "MANIFEST.json").read_text("utf-8"))
    about: dict[str, Any] = next((entry for entry in entries if entry["id"] == name), {})
    truth = Truth(
        beats_s=np.array(told["beats"]),
        downbeats_s=np.array(told["downbeats"]),
        metre=str(about.get("time_signature", "4/4")).partition(" ")[0],
        judged=str(about.get("truth_source", "")).startswith(EXACT),
    )
    return Song(name=name, rate_hz=rate_hz, stems=tuple(stems), truth=truth)


def ask_remixd(stems: tuple[tuple[StemRole, Mono], ...], rate_hz: int) -> Answer:
    """What this project's own analysis says."""
    features = RhythmFeatures(rate_hz)
    for role, pcm in stems:
        features.add(pcm, role)
    rhythm = find_rhythm(features)
    return Answer(
        beats_s=np.array(rhythm.beats_s),
        downbeats_s=np.array(rhythm.downbeats_s),
        metre=rhythm.metre,
        confidence=rhythm.confidence,
    )


def _peers(task: Task) -> dict[str, Callable[[Mono, int], Answer]]:
    """Other trackers; every fourth beat is taken for a downbeat, as they know none."""
    peers: dict[str, Callable[[Mono, int], Answer]] = {"essentia": _ask_essentia}
    try:
        import librosa  # noqa: F401
    except ImportError:
        task.skip("librosa", "it is not installed: pip install 'remixd[bench]'")
    else:
        peers["librosa"] = _ask_librosa
    return peers


def _ask_essentia(mix: Mono, rate_hz: int) -> Answer:
    import soxr

    beats_s = np.array(find_beats(soxr.resample(mix, rate_hz, ANALYSIS_HZ).astype(np.float32)).times_s)
    return Answer(beats_s=beats_s, downbeats_s=beats_s[::4])


def _ask_librosa(mix: Mono, rate_hz: int) -> Answer:
    import librosa

    _, beats_s = librosa.beat.beat_track(y=mix, sr=rate_hz, units="time")
    return Answer(beats_s=np.asarray(beats_s), downbeats_s=np.asarray(beats_s)[::4])


def _score(task: Task, case: Case, answer: Answer, truth: Truth) -> float:
    """Keep a song's figures; returns its beat F."""
    from mir_eval import beat as judge

    offset_s = constant_offset_s(answer.beats_s, truth.beats_s)
    true_s, found_s = judge.trim_beats(truth.beats_s), judge.trim_beats(answer.beats_s - offset_s)
    correct = judge.f_measure(true_s, found_s)
    figures = {"beat F": correct}
    if found_s.size > 1:
        _, figures["CMLt"], _, figures["AMLt"] = judge.continuity(true_s, found_s)
        tempo = _period_s(true_s) / _period_s(found_s)
        figures["tempo error"] = abs(tempo - 1.0)
        errors_s = _near(found_s, true_s)
        if errors_s.size:
            figures["beat error, median"] = float(np.median(np.abs(errors_s)))
    figures["downbeat F"] = judge.f_measure(
        judge.trim_beats(truth.downbeats_s), judge.trim_beats(answer.downbeats_s - offset_s)
    )
    if answer.metre is not None:
        figures["metre"] = float(answer.metre == truth.metre)
    for name, value in (answer.confidence or {}).items():
        figures[f"confidence, {name}"] = value
    for name, value in figures.items():
        in_ms = name == "beat error, median"
        task.figure(name, "ms" if in_ms else "share", [value * (1e3 if in_ms else 1.0)], case)
    task.figure("constant offset", "ms", [offset_s * 1e3], case)
    return float(correct)


def _period_s(beats_s: Times) -> float:
    """Mean period, by regression: files round their beats."""
    return float(np.polyfit(np.arange(beats_s.size), beats_s, 1)[0])


def constant_offset_s(found_s: Times, true_s: Times) -> float:
    """How much later beats are throughout, at most OFFSET_MOST_S either way."""
    errors_s = _near(found_s, true_s)
    if not errors_s.size:
        return 0.0
    return float(np.clip(np.median(errors_s), -OFFSET_MOST_S, OFFSET_MOST_S))


def _near(found_s: Times, true_s: Times) -> Times:
    """How far beats are from the nearest true one, of those that are near one."""
    if not found_s.size or not true_s.size:
        return np.zeros(0)
    errors_s = found_s - true_s[np.abs(found_s[:, None] - true_s).argmin(axis=1)]
    return np.asarray(errors_s[np.abs(errors_s) < WINDOW_S], np.float64)


def area_under_curve(known: list[tuple[float, bool]]) -> float | None:
    """The chance that a right song is surer than a wrong one; None without both kinds."""
    right = np.array([sure for sure, correct in known if correct])
    wrong = np.array([sure for sure, correct in known if not correct])
    if not right.size or not wrong.size:
        return None
    higher = right[:, None] > wrong
    return float((higher + 0.5 * (right[:, None] == wrong)).mean())
