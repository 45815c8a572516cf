"""On real songs that nobody here made: each imports, plays live, and does what is wished."""

from __future__ import annotations

import json
import threading
import time
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from processes import Daemon, run
from recordings import MUSIC
from sounds import level_db

from remixd._kernel import bus, fft
from remixd._kernel.session import Session as KernelSession
from remixd._kernel.stem import Stem
from remixd.client import Client, Packet, Recorder, Recording, Session, Track
from remixd.config import user_cache_path
from remixd.track.cache import cache_path
from remixd.track.library import Library, cache_folder

RATE_HZ = 48_000
HOLD_S = 1.0
SONGS = sorted(
    [*(MUSIC / "stems").glob("*/"), *(MUSIC / "stem_mp4").glob("*.mp4"), *(MUSIC / "mixes").glob("*.*")]
)

pytestmark = [
    pytest.mark.music,
    pytest.mark.skipif(not SONGS, reason="the real songs are not beside this checkout"),
    pytest.mark.timeout(600),
]


@dataclass(frozen=True)
class Shelf:
    """Every song, imported, and a daemon that serves them."""

    library: Path
    daemon: Daemon
    ids: dict[str, str]

    def stems(self, track: Track) -> dict[str, np.ndarray]:
        """The PCM that the engine plays, by role."""
        with Library(self.library) as library:
            package = library.get(track.id)
        folder = cache_folder(self.library, track.id)
        by_role: dict[str, np.ndarray] = {}
        for stem in package.playing_stems:
            cached = Stem.open(cache_path(folder, stem))
            by_role[stem.role] = by_role.get(stem.role, 0) + cached.read(0, cached.frames)
        return by_role


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    library = tmp_path_factory.mktemp("music")

    def bring_in(song: Path) -> tuple[str, str]:
        # parts that were split from a mix are too alike to be told apart in what is heard
        whole = ["--splitter", "none"] if song.parent.name == "mixes" else []
        done = run("import", song, *whole, "--library", library, "--json")
        assert done.returncode == 0, done.stderr
        return song.name, json.loads(done.stdout)[0]["id"]

    with ThreadPoolExecutor(2) as pool:
        ids = dict(pool.map(bring_in, SONGS))
    daemon = Daemon(library, tmp_path_factory.mktemp("log") / "errors")
    yield Shelf(library, daemon, ids)
    assert daemon.stop() == 0


class Listening:
    """Hears a session in the background until it is stopped."""

    def __init__(self, client: Client, session: str, most_s: float) -> None:
        self._recorder = Recorder(round(most_s * RATE_HZ))
        self._packets = client.packets(session)
        self._thread = threading.Thread(target=self._hear)
        self._thread.start()

    def _hear(self) -> None:
        for packet in self._packets:
            self._recorder.add(packet)
            if self._recorder.is_full:
                break

    def stop(self) -> Recording:
        self._packets.close()
        self._thread.join()
        recording = self._recorder.recording()
        assert recording.gaps == 0
        return recording


def shares_db(heard: np.ndarray, first: int, stems: dict[str, np.ndarray]) -> dict[str, float]:
    """Each role's share of what was heard, by least squares over all roles that sound there."""
    at = np.arange(first, first + len(heard))
    parts = {role: pcm[at % len(pcm)].ravel().astype(np.float64) for role, pcm in stems.items()}
    audible = {role: part for role, part in parts.items() if level_db(part.reshape(-1, 2)) > -60}
    if not audible:
        return {}
    columns = np.stack(list(audible.values()), axis=1)
    weights, *_ = np.linalg.lstsq(columns, heard.ravel().astype(np.float64), rcond=None)
    return {role: 20 * np.log10(abs(w) + 1e-9) for role, w in zip(audible, weights, strict=True)}


@dataclass(frozen=True)
class Muted:
    """A song heard while one stem after another was taken away: where each was gone."""

    heard: Recording
    muted: dict[str, tuple[int, int]]


def mute_in_turn(shelf: Shelf, song: Path) -> Muted:
    with shelf.daemon.client() as client:
        track = client.track(shelf.ids[song.name])
        session = client.create_session(track.id).id
        stems = shelf.stems(track)
        waiting = [role for role, pcm in stems.items() if level_db(pcm) > -70]
        listening = Listening(client, session, most_s=30)
        muted: dict[str, tuple[int, int]] = {}
        deadline = time.monotonic() + 20
        while waiting and time.monotonic() < deadline:
            role = waiting.pop(0)
            answer = client.signal(session, {role: -60.0}, wait=True)
            assert answer.accepted
            assert answer.applied is not None
            time.sleep(HOLD_S)
            back = client.signal(session, {role: 0.0}, wait=True)
            assert back.applied is not None
            settled, restored = answer.applied.settled_sample, back.applied.sample
            at = np.arange(settled, restored)
            if level_db(stems[role][at % len(stems[role])]) > -60:
                muted[role] = (settled, restored)
            else:
                waiting.append(role)  # it does not sound here: try again later in the song
        heard = listening.stop()
        client.delete_session(session)
    return Muted(heard, muted)


@pytest.fixture(scope="module")
def muted_in_turn(shelf: Shelf) -> dict[str, Muted]:
    """Every song in a session of its own, a few at a time."""
    with ThreadPoolExecutor(7) as pool:
        takes = pool.map(lambda song: mute_in_turn(shelf, song), SONGS)
    return dict(zip([song.name for song in SONGS], takes, strict=True))


@pytest.mark.parametrize("song", SONGS, ids=lambda song: song.name)
def test_it_plays_and_each_of_its_stems_can_be_taken_away(
    shelf: Shelf, muted_in_turn: dict[str, Muted], song: Path
) -> None:
    with shelf.daemon.client() as client:
        stems = shelf.stems(client.track(shelf.ids[song.name]))
    take = muted_in_turn[song.name]
    heard = take.heard
    assert take.muted, "at least one stem sounds in the first 20 s"
    for role, (settled, restored) in take.muted.items():
        part = heard.pcm[settled - heard.first_sample : restored - heard.first_sample]
        shares = shares_db(part, settled, stems)
        assert shares[role] < -40, f"{role} is still there: {shares}"


def band_changes(pcm: np.ndarray) -> np.ndarray:
    """How each of 24 bands' log energy moves, one row every 5 ms."""
    mono = pcm.astype(np.float64).sum(axis=1)
    frames = np.lib.stride_tricks.sliding_window_view(mono, 1024)[::240] * np.hanning(1024)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1)))
    edges = np.unique(np.geomspace(2, 400, 25).astype(int))
    bands = np.log10(np.add.reduceat(power, edges, axis=1) + 1e-5 * power.sum(axis=1).mean())
    change = np.diff(bands, axis=0)
    return change - change.mean(axis=0)


def tempo_ratio(heard: np.ndarray, source: np.ndarray) -> float:
    """By how much `heard` runs faster than `source`, both from the same moment on."""
    changes, reference = band_changes(heard), band_changes(source)
    at = np.arange(len(changes), dtype=np.float64)
    known = np.arange(len(reference))

    def fit(ratio: float) -> float:
        warped = [np.interp(at * ratio, known, band) for band in reference.T]
        return float(np.vdot(changes, np.stack(warped, axis=1)))

    ratios = np.arange(0.90, 1.201, 0.0025)
    return float(ratios[int(np.argmax([fit(ratio) for ratio in ratios]))])


@dataclass(frozen=True)
class SpedUp:
    """A song heard around the moment at which its tempo became 1.08."""

    track: Track
    heard: Recording
    bend: int
    status: Session


def speed_up(shelf: Shelf, song: Path) -> SpedUp:
    with shelf.daemon.client() as client:
        track = client.track(shelf.ids[song.name])
        session = client.create_session(track.id).id
        listening = Listening(client, session, most_s=10)
        answer = client.signal(session, {"tempo": 1.08}, wait=True)
        assert answer.applied is not None
        time.sleep(7.5)
        heard = listening.stop()
        status = client.session(session)
        client.delete_session(session)
    return SpedUp(track, heard, answer.applied.sample, status)


@pytest.fixture(scope="module")
def sped_up(shelf: Shelf) -> dict[str, SpedUp]:
    """Every song at once, each in a session of its own."""
    with ThreadPoolExecutor(len(SONGS)) as pool:
        takes = pool.map(lambda song: speed_up(shelf, song), SONGS)
    return dict(zip([song.name for song in SONGS], takes, strict=True))


@pytest.mark.parametrize("song", SONGS, ids=lambda song: song.name)
def test_the_beat_is_eight_percent_faster_from_the_applied_sample_on(
    shelf: Shelf, sped_up: dict[str, SpedUp], song: Path
) -> None:
    take = sped_up[song.name]
    whole = sum(shelf.stems(take.track).values())
    after = take.heard.pcm[take.bend - take.heard.first_sample :]
    source = whole[np.arange(take.bend, take.bend + round(len(after) * 1.3)) % len(whole)]
    assert level_db(after) > -50, "there is something to measure"
    assert tempo_ratio(after, source) == pytest.approx(1.08, abs=0.004)
    expected_s = (take.bend + 1.08 * (take.status.sample - take.bend)) / RATE_HZ
    assert take.status.position_s == pytest.approx(expected_s % take.track.duration_s, abs=0.002)


@dataclass(frozen=True)
class Restored:
    """A song heard around the moment at which somebody panicked."""

    track: Track
    heard: list[Packet]
    asked: int
    settled: int


def restore(shelf: Shelf, song: Path) -> Restored:
    with shelf.daemon.client(timeout_s=30.0) as client:
        track = client.track(shelf.ids[song.name])
        preset = "nightcore" if track.bpm < 175 else "original"  # which is too fast for it
        session = client.create_session(track.id, directed=True, preset=preset).id
        stream = client.packets(session)
        heard: list[Packet] = []
        thread = threading.Thread(target=lambda: heard.extend(stream))
        thread.start()
        for fan in range(5):
            client.signal(session, {"drums": -24.0, "bass": -12.0, "tempo": 1.1}, fan=str(fan))
        time.sleep(2.5)
        asked = client.session(session).sample
        applied = client.panic(session, wait=True).applied
        assert applied is not None
        time.sleep(bar_frames(track) / RATE_HZ + 1.5)
        stream.close()
        thread.join()
        client.delete_session(session)
    return Restored(track, heard, asked, applied.settled_sample)


def bar_frames(track: Track) -> float:
    return float(np.median(np.diff(track.downbeats_s)) if len(track.downbeats_s) > 1 else 2.0) * RATE_HZ


@pytest.fixture(scope="module")
def restored(shelf: Shelf) -> dict[str, Restored]:
    """Every song in a session of its own, a few at a time."""
    with ThreadPoolExecutor(5) as pool:
        takes = pool.map(lambda song: restore(shelf, song), SONGS)
    return dict(zip([song.name for song in SONGS], takes, strict=True))


@pytest.mark.parametrize("song", SONGS, ids=lambda song: song.name)
def test_panic_restores_the_original_within_one_bar(
    shelf: Shelf, restored: dict[str, Restored], song: Path
) -> None:
    take = restored[song.name]
    assert 0 < take.settled - take.asked < bar_frames(take.track)
    # The mix is the original's from the settled sample on; then the limiter still has to let go (80 ms).
    a_bar_later = take.asked + bar_frames(take.track)
    after = [packet for packet in take.heard if packet.sample >= a_bar_later]
    assert len(after) > 100
    position = round(after[0].position_s * RATE_HZ)
    warm_up = RATE_HZ  # the limiter remembers
    stems = [Stem.of(pcm, tonal=False) for pcm in shelf.stems(take.track).values()]
    start = (position - warm_up) % stems[0].frames
    fft.prepare(user_cache_path() / "fftwf.wisdom")
    original = KernelSession(stems, [0] * len(stems), start=start).render(warm_up + 100 * 480)[warm_up:]
    heard = np.concatenate([packet.pcm for packet in after[:100]])
    assert level_db(heard - original) < level_db(original) - 60 or level_db(heard - original) < -90


def read_wav(path: Path) -> np.ndarray:
    """The samples of a 24-bit stereo file at 48 kHz, full scale 1."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE_HZ, 2, 3)
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype=np.uint8).reshape(-1, 3)
    return (np.pad(raw, ((0, 0), (1, 0))).view("<i4") >> 8).reshape(-1, 2) / 2**23


@pytest.mark.parametrize("song", SONGS, ids=lambda song: song.name)
def test_a_render_is_exact_in_length_and_below_the_ceiling(shelf: Shelf, song: Path, tmp_path: Path) -> None:
    track_id = shelf.ids[song.name]
    out = tmp_path / "out.wav"
    done = run(
        *("render", track_id, "--mix", "tempo=1.1,pitch=2", "--start", "3.5", "--seconds", "5"),
        *("-o", out, "--library", shelf.library),
    )
    assert done.returncode == 0, done.stderr
    samples = read_wav(out)
    assert samples.shape == (5 * RATE_HZ, 2)
    assert np.abs(samples).max() <= 10 ** (bus.CEILING_DBTP / 20) + 2**-23
    assert level_db(samples) > -50


def tilt_free_spectrum(samples: np.ndarray) -> np.ndarray:
    """Log power along log frequency, 40 points a semitone from 110 Hz up, its broad shape taken away."""
    mono = samples.astype(np.float64).sum(axis=1)
    frames = np.lib.stride_tricks.sliding_window_view(mono, 16_384)[::4096] * np.hanning(16_384)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1))).mean(axis=0)
    at_hz = 110.0 * 2 ** (np.arange(0, 36 * 40) / 480)
    curve = np.log10(np.interp(at_hz, np.arange(len(power)) * RATE_HZ / 16_384, power) + 1e-9)
    return curve - np.convolve(curve, np.ones(161) / 161, mode="same")


@pytest.mark.parametrize("semitones", [-3, 2])
@pytest.mark.parametrize("name", ["mod_robochickens_flac", "midi_the_hobo_6-4", "fof_war_of_freedom"])
def test_a_render_is_transposed_by_what_was_asked(
    shelf: Shelf, name: str, semitones: int, tmp_path: Path
) -> None:
    spectra = []
    for pitch in (0, semitones):
        out = tmp_path / f"{pitch}.wav"
        mix = f"pitch={pitch},drums=-60" if "fof" not in name else f"pitch={pitch}"
        done = run(
            *("render", shelf.ids[name], "--mix", mix, "--start", "5", "--seconds", "10"),
            *("-o", out, "--library", shelf.library),
        )
        assert done.returncode == 0, done.stderr
        spectra.append(tilt_free_spectrum(read_wav(out)))
    shifts = np.arange(-5 * 40, 5 * 40 + 1)
    inner = slice(5 * 40, -5 * 40)
    fits = [float(spectra[0][inner] @ np.roll(spectra[1], -shift)[inner]) for shift in shifts]
    assert shifts[int(np.argmax(fits))] / 40 == pytest.approx(semitones, abs=0.1)


def test_a_whole_song_renders_to_its_length_over_the_tempo(shelf: Shelf, tmp_path: Path) -> None:
    track_id = shelf.ids["mod_robochickens_flac"]
    out = tmp_path / "out.wav"
    done = run("render", track_id, "--mix", "tempo=1.1", "-o", out, "--library", shelf.library, "--json")
    assert done.returncode == 0, done.stderr
    with Library(shelf.library) as library:
        track = library.get(track_id)
    with wave.open(str(out)) as file:
        assert file.getnframes() == round(round(track.frames * RATE_HZ / track.rate_hz) / 1.1)
        assert json.loads(done.stdout)["frames"] == file.getnframes()
