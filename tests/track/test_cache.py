import itertools
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from packages import a_stem, write_package

from remixd.errors import InvalidInput, NotFound
from remixd.track import cache as cache_module
from remixd.track.cache import (
    HEADER_BYTES,
    Trust,
    cache_bytes,
    cache_frames,
    cache_path,
    check,
    read_header,
    stem_content,
    verify,
    write_pcm,
    write_pcm_blocks,
)
from remixd.units import PAD_FRAMES

SHA = bytes(range(32))


def noise(frames: int) -> np.ndarray:
    return np.random.default_rng(frames).standard_normal((frames, 2)).astype(np.float32)


def test_a_cache_file_is_laid_out_as_the_kernel_reads_it(tmp_path: Path) -> None:
    path, pcm = tmp_path / "drums.pcm", noise(777)
    write_pcm(path, pcm, SHA)
    raw = path.read_bytes()
    magic, version, rate, frames, pad, content, crc = struct.unpack_from("<8sIIqq32sI", raw)
    assert (magic, version, rate, frames, pad, content) == (b"RMXDPCM1", 1, 48_000, 777, PAD_FRAMES, SHA)
    assert crc == zlib.crc32(raw[HEADER_BYTES:])
    assert not any(raw[struct.calcsize("<8sIIqq32sI") : HEADER_BYTES])
    body = np.frombuffer(raw, "<f4", offset=HEADER_BYTES).reshape(-1, 2)
    np.testing.assert_array_equal(body[PAD_FRAMES:-PAD_FRAMES], pcm)
    assert not body[:PAD_FRAMES].any()
    assert not body[-PAD_FRAMES:].any()
    assert verify(path).frames == 777


@pytest.mark.parametrize("cuts", [[777], [1] * 777, [0, 700, 77, 0]])
def test_a_cache_file_is_the_same_however_it_is_written(tmp_path: Path, cuts: list[int]) -> None:
    pcm = noise(777)
    write_pcm(tmp_path / "whole.pcm", pcm, SHA)
    edges = np.cumsum([0, *cuts])
    parts = [pcm[a:b] for a, b in itertools.pairwise(edges)]
    assert write_pcm_blocks(tmp_path / "parts.pcm", parts, SHA) == 777
    assert (tmp_path / "parts.pcm").read_bytes() == (tmp_path / "whole.pcm").read_bytes()


def test_what_fails_on_the_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "drums.pcm"
    write_pcm(path, noise(50), SHA)

    def failing():
        yield noise(10)
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        write_pcm_blocks(path, failing(), SHA)
    assert [entry.name for entry in tmp_path.iterdir()] == ["drums.pcm"]
    assert read_header(path).frames == 50


def damaged(raw: bytearray) -> dict[str, bytes]:
    def changed(at: int, new: bytes) -> bytes:
        return bytes(raw[:at]) + new + bytes(raw[at + len(new) :])

    return {
        "empty": b"",
        "short header": bytes(raw[:100]),
        "magic": changed(0, b"RMXDPCM2"),
        "version": changed(8, struct.pack("<I", 2)),
        "rate": changed(12, struct.pack("<I", 44_100)),
        "frames": changed(16, struct.pack("<q", 778)),
        "negative frames": changed(16, struct.pack("<q", -1)),
        "pad": changed(24, struct.pack("<q", 0)),
        "cut": bytes(raw[:-8]),
        "longer": bytes(raw) + b"\0" * 8,
    }


@pytest.mark.parametrize("damage", damaged(bytearray(8192)))
def test_a_damaged_cache_file_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "drums.pcm"
    write_pcm(path, noise(777), SHA)
    path.write_bytes(damaged(bytearray(path.read_bytes()))[damage])
    with pytest.raises(InvalidInput, match=r"drums\.pcm"):
        read_header(path)


def test_the_checksum_finds_a_flipped_bit(tmp_path: Path) -> None:
    path = tmp_path / "drums.pcm"
    write_pcm(path, noise(777), SHA)
    raw = bytearray(path.read_bytes())
    raw[-PAD_FRAMES * 8 - 100] ^= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(InvalidInput, match="checksum"):
        verify(path)
    with pytest.raises(NotFound):
        verify(tmp_path / "bass.pcm")


def test_missing_stale_and_broken_caches_are_found(tmp_path: Path) -> None:
    stems = [
        a_stem("drums", "drums"), a_stem("bass", "bass"), a_stem("keys"), a_stem("pad"),
        a_stem("spare", plays=False),
    ]  # fmt: skip
    track = write_package(tmp_path / "song", stems=stems)
    cache = tmp_path / "cache"
    assert [stem.name for stem in check(track, cache, Trust())] == ["drums", "bass", "keys", "pad"]
    cache.mkdir()
    for stem in track.playing_stems:
        write_pcm(cache_path(cache, stem), noise(track.frames), stem_content(track, stem))
    assert check(track, cache, Trust()) == {}
    with track.file_of(stems[0]).open("ab") as file:
        file.write(b"more")
    write_pcm(cache_path(cache, stems[1]), noise(10), stem_content(track, stems[1]))
    cache_path(cache, stems[2]).write_bytes(b"no cache")
    assert [stem.name for stem in check(track, cache, Trust())] == ["drums", "bass", "keys"]
    track.file_of(stems[3]).unlink()
    with pytest.raises(NotFound, match=r"pad\.flac"):
        check(track, cache, Trust())


@pytest.mark.parametrize(
    ("rate_hz", "frames", "expected"), [(48_000, 7, 7), (44_100, 441, 480), (96_000, 3, 2)]
)
def test_the_length_at_the_engines_rate_is_rounded(
    tmp_path: Path, rate_hz: int, frames: int, expected: int
) -> None:
    assert cache_frames(write_package(tmp_path, rate_hz=rate_hz, frames=frames)) == expected


def test_a_cache_takes_the_bytes_that_are_foretold(tmp_path: Path) -> None:
    track = write_package(tmp_path, rate_hz=44_100, frames=441)
    write_pcm(tmp_path / "drums.pcm", noise(480), SHA)
    assert (tmp_path / "drums.pcm").stat().st_size == cache_bytes(track)
    assert cache_bytes(track, 3) == 3 * cache_bytes(track)


def test_what_was_read_in_full_is_read_again_only_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = write_package(tmp_path / "song")
    cache = tmp_path / "cache"
    cache.mkdir()
    paths = [cache_path(cache, stem) for stem in track.stems]
    for path, stem in zip(paths, track.stems, strict=True):
        write_pcm(path, noise(track.frames), stem_content(track, stem))
    read: list[str] = []
    monkeypatch.setattr(cache_module, "verify", lambda path: read.append(path.name) or verify(path))
    monkeypatch.setattr(
        cache_module, "stem_content", lambda track, stem: read.append(stem.file) or stem_content(track, stem)
    )
    trust = Trust()
    assert check(track, cache, trust) == {}
    assert sorted(read) == ["bass.pcm", "drums.pcm", "stems/bass.flac", "stems/drums.flac"]
    assert check(track, cache, trust) == {}
    assert len(read) == 4
    paths[0].write_bytes(paths[0].read_bytes())
    assert check(track, cache, trust) == {}
    assert read[4:] == ["drums.pcm"]
    trust.accept(paths[1])
    assert check(track, cache, trust) == {}
    assert len(read) == 5
