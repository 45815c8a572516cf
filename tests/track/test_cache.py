import itertools
import struct
import zlib
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packages import a_stem, write_package

from remixd.errors import InvalidInput, NotFound
from remixd.track import cache as cache_module
from remixd.track.cache import (
    HEADER_BYTES,
    Trust,
    cache_frames,
    cache_path,
    check,
    read_header,
    read_tree,
    stem_content,
    verify,
    write_stem,
)
from remixd.track.phase_tree import PhaseTree, TreeSize
from remixd.units import PAD_FRAMES

SHA = bytes(range(32))
PCM_END = HEADER_BYTES + (777 + 2 * PAD_FRAMES) * 8
NONE = PhaseTree.none(np.array([3, 500], np.int64))
COUNTS = struct.calcsize("<8sIIqq32sI")
"""Where the header says what the tree holds."""


def noise(frames: int) -> np.ndarray:
    return np.random.default_rng(frames).standard_normal((frames, 2)).astype(np.float32)


def a_tree(frames: int = 777, *, onsets: int = 2, points: int = 128) -> PhaseTree:
    """A tree of that size for a stem of that length, its numbers at random."""
    rng = np.random.default_rng(onsets)
    counts = rng.integers(0, 9, -(-frames // 512) + 1)
    regions = int(counts.sum())
    return PhaseTree(
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32),
        lows=np.concatenate([np.arange(count) * 7 for count in counts]).astype(np.uint16),
        seeds=rng.integers(0, 2049, regions).astype(np.uint16),
        offsets=rng.integers(-(2**15), 2**15, regions).astype(np.int16),
        onsets=np.sort(rng.choice(frames, onsets, replace=False)).astype(np.int64),
        resets=rng.integers(0, 256, (onsets, 264)).astype(np.uint8),
        envelope=rng.integers(0, 256, (counts.size, points)).astype(np.uint8),
    )


def write(path: Path, pcm: np.ndarray, content: bytes = SHA, tree: PhaseTree = NONE) -> None:
    assert write_stem(path, [pcm], content, lambda _pcm: tree) == len(pcm)


TREES = {
    "vocals": a_tree(),
    "bass": a_tree(points=0),
    "no onsets": a_tree(onsets=0, points=0),
    "drums": NONE,
    "silent drums": PhaseTree.none(np.zeros(0, np.int64)),
}
each_tree = pytest.mark.parametrize("tree", TREES.values(), ids=TREES)


@each_tree
def test_a_cache_file_is_laid_out_as_the_kernel_reads_it(tmp_path: Path, tree: PhaseTree) -> None:
    path, pcm = tmp_path / "bass.pcm", noise(777)
    write(path, pcm, tree=tree)
    raw = path.read_bytes()
    magic, version, rate, frames, pad, content, crc = struct.unpack_from("<8sIIqq32sI", raw)
    assert (magic, version, rate, frames, pad, content) == (b"RMXDPCM1", 2, 48_000, 777, PAD_FRAMES, SHA)
    assert crc == zlib.crc32(raw[HEADER_BYTES:])
    hop, grid, regions, onsets, points, spare = struct.unpack_from("<IIIIII", raw, COUNTS)
    assert (hop, regions, onsets, spare) == (512, tree.lows.size, tree.onsets.size, 0)
    assert (grid, points) in ((0, 0), (len(tree.envelope), tree.envelope.shape[1]))
    assert not any(raw[COUNTS + 24 : HEADER_BYTES])
    body = np.frombuffer(raw[:PCM_END], "<f4", offset=HEADER_BYTES).reshape(-1, 2)
    np.testing.assert_array_equal(body[PAD_FRAMES:-PAD_FRAMES], pcm)
    assert not body[:PAD_FRAMES].any()
    assert not body[-PAD_FRAMES:].any()
    end = PCM_END
    for array in (
        tree.starts.astype("<u4"), tree.lows.astype("<u2"), tree.seeds.astype("<u2"),
        tree.offsets.astype("<i2"), tree.onsets.astype("<i8"), tree.resets, tree.envelope,
    ):  # fmt: skip
        if array.size:
            start = (end + 63) // 64 * 64
            assert not any(raw[end:start])
            end = start + array.nbytes
            assert raw[start:end] == array.tobytes()
    assert len(raw) == end
    assert verify(path).frames == 777


@each_tree
def test_a_tree_comes_back_as_it_was_written(tmp_path: Path, tree: PhaseTree) -> None:
    write(tmp_path / "bass.pcm", noise(777), tree=tree)
    back = read_tree(tmp_path / "bass.pcm")
    for name in ("starts", "lows", "seeds", "offsets", "onsets", "resets", "envelope"):
        one, other = getattr(back, name), getattr(tree, name)
        np.testing.assert_array_equal(one, other, strict=True)


@pytest.mark.parametrize("cuts", [[777], [1] * 777, [0, 700, 77, 0]])
def test_a_cache_file_is_the_same_however_it_is_written(tmp_path: Path, cuts: list[int]) -> None:
    pcm = noise(777)
    write(tmp_path / "whole.pcm", pcm, tree=TREES["vocals"])
    edges = np.cumsum([0, *cuts])
    parts = [pcm[a:b] for a, b in itertools.pairwise(edges)]
    assert write_stem(tmp_path / "parts.pcm", parts, SHA, lambda _pcm: TREES["vocals"]) == 777
    assert (tmp_path / "parts.pcm").read_bytes() == (tmp_path / "whole.pcm").read_bytes()


def test_a_tree_grows_from_the_whole_sound_and_nothing_else(tmp_path: Path) -> None:
    pcm, seen = noise(777), []

    def grow(given: np.ndarray) -> PhaseTree:
        assert given.flags.c_contiguous
        assert not given.flags.writeable
        seen.append(given.copy())
        return NONE

    write_stem(tmp_path / "bass.pcm", [pcm[:300], pcm[300:]], SHA, grow)
    np.testing.assert_array_equal(seen, [pcm], strict=True)


def test_what_fails_on_the_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "drums.pcm"
    write(path, noise(50))
    old = path.read_bytes()

    def failing():
        yield noise(10)
        raise OSError("no more")

    def barren(_pcm: np.ndarray) -> PhaseTree:
        raise ValueError("no tree")

    with pytest.raises(OSError, match="no more"):
        write_stem(path, failing(), SHA, lambda _pcm: NONE)
    with pytest.raises(ValueError, match="no tree"):
        write_stem(path, [noise(60)], SHA, barren)
    with pytest.raises(InvalidInput, match=r"drums\.pcm"):  # a tree of another stem
        write_stem(path, [noise(600)], SHA, lambda _pcm: a_tree(6000))
    with pytest.raises(InvalidInput, match="at least one frame"):
        write_stem(path, [noise(0)], SHA, lambda _pcm: NONE)
    assert [entry.name for entry in tmp_path.iterdir()] == ["drums.pcm"]
    assert path.read_bytes() == old


def unfitting() -> dict[str, dict[str, object]]:
    whole = TREES["vocals"]
    return {
        "hop": {"hop_frames": 256},
        "type": {"lows": whole.lows.astype(np.int32)},
        "seeds missing": {"seeds": whole.seeds[1:]},
        "offsets in rows": {"offsets": whole.offsets[:, None]},
        "regions beyond": {"starts": whole.starts + np.uint32(1)},
        "regions left over": {"starts": np.append(whole.starts[:-1], whole.starts[-1:] - 1)},
        "starts that fall": {"starts": np.array([0, whole.starts[-1] + 1, *whole.starts[2:]], np.uint32)},
        "resets missing": {"resets": whole.resets[1:]},
        "narrow resets": {"resets": np.ascontiguousarray(whole.resets[:, 8:])},
        "envelopes missing": {"envelope": whole.envelope[1:]},
        "coarse envelopes": {"envelope": np.ascontiguousarray(whole.envelope[:, ::2])},
        "onsets before the stem": {"onsets": whole.onsets - whole.onsets[0] - 1},
        "onsets at once": {"onsets": whole.onsets * 0},
        "regions of nothing": {
            "starts": whole.starts[:0],
            "resets": whole.resets[:0],
            "envelope": whole.envelope[:0, :0],
        },
    }


@pytest.mark.parametrize("fault", unfitting())
def test_a_tree_whose_arrays_do_not_fit_together_is_none(fault: str) -> None:
    with pytest.raises(InvalidInput):
        replace(TREES["vocals"], **unfitting()[fault])


def damaged(raw: bytearray) -> dict[str, bytes]:
    def changed(at: int, new: bytes) -> bytes:
        return bytes(raw[:at]) + new + bytes(raw[at + len(new) :])

    def counted(index: int, count: int) -> bytes:
        return changed(COUNTS + 4 * index, struct.pack("<I", count))

    return {
        "empty": b"",
        "short header": bytes(raw[:100]),
        "magic": changed(0, b"RMXDPCM2"),
        "version": changed(8, struct.pack("<I", 1)),
        "rate": changed(12, struct.pack("<I", 44_100)),
        "frames": changed(16, struct.pack("<q", 785)),
        "negative frames": changed(16, struct.pack("<q", -1)),
        "all the frames there are": changed(16, struct.pack("<q", 2**63 - 1)),
        "pad": changed(24, struct.pack("<q", 0)),
        "hop": counted(0, 256),
        "grid": counted(1, 4),
        "no grid": counted(1, 0),
        "regions": counted(2, 2**32 - 1),
        "onsets": counted(3, 3),
        "points": counted(4, 64),
        "no points": counted(4, 0),
        "cut": bytes(raw[:-8]),
        "longer": bytes(raw) + b"\0" * 8,
    }


@pytest.mark.parametrize("damage", damaged(bytearray(8192)))
def test_a_damaged_cache_file_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "drums.pcm"
    write(path, noise(777), tree=TREES["vocals"])
    path.write_bytes(damaged(bytearray(path.read_bytes()))[damage])
    with pytest.raises(InvalidInput, match=r"drums\.pcm"):
        read_header(path)
    with pytest.raises(InvalidInput, match=r"drums\.pcm"):
        read_tree(path)


def test_a_cache_of_the_first_version_is_another_versions(tmp_path: Path) -> None:
    path = tmp_path / "drums.pcm"
    header = struct.pack("<8sIIqq32sI", b"RMXDPCM1", 1, 48_000, 10, PAD_FRAMES, SHA, 0)
    path.write_bytes(header.ljust(HEADER_BYTES, b"\0") + bytes((10 + 2 * PAD_FRAMES) * 8))
    with pytest.raises(InvalidInput, match="another version"):
        read_header(path)


def held(path: Path) -> TreeSize | str:
    """What a file's tree holds, or why it cannot be read."""
    try:
        return read_tree(path).size
    except InvalidInput as error:
        return str(error)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "bass.pcm"
    write(path, noise(777), tree=TREES["vocals"])
    return path


_near = st.one_of(st.integers(0, 600), st.integers(0, 2**32 - 1))


@given(counts=st.tuples(st.sampled_from([0, 3, 4]) | _near, _near, _near, st.sampled_from([0, 128]) | _near))
def test_whatever_a_header_says_the_file_is_refused_or_holds_that(
    hostile: Path, counts: tuple[int, ...]
) -> None:
    raw = bytearray(hostile.read_bytes())
    struct.pack_into("<IIII", raw, COUNTS + 4, *counts)
    hostile.write_bytes(raw)
    found = held(hostile)
    assert "bass.pcm" in found if isinstance(found, str) else astuple(found) == counts


@pytest.mark.parametrize("at", [HEADER_BYTES, HEADER_BYTES + PAD_FRAMES * 8 + 100, PCM_END, PCM_END + 70, -1])
def test_the_checksum_finds_a_flipped_bit(tmp_path: Path, at: int) -> None:
    path = tmp_path / "drums.pcm"
    write(path, noise(777), tree=TREES["vocals"])
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
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
        write(cache_path(cache, stem), noise(track.frames), stem_content(track, stem))
    assert check(track, cache, Trust()) == {}
    with track.file_of(stems[0]).open("ab") as file:
        file.write(b"more")
    write(cache_path(cache, stems[1]), noise(10), stem_content(track, stems[1]))
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


def test_what_was_read_in_full_is_read_again_only_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = write_package(tmp_path / "song")
    cache = tmp_path / "cache"
    cache.mkdir()
    paths = [cache_path(cache, stem) for stem in track.stems]
    for path, stem in zip(paths, track.stems, strict=True):
        write(path, noise(track.frames), stem_content(track, stem))
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
