"""Stems, read at any position. Frames are at 48 kHz, interleaved stereo float32.

Beside its sound a stem has a phase tree: its onsets, and the regions of its spectra, made by
`remixd._kernel.regions`. Drums have onsets only.
"""
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

import mmap
import struct

import numpy as np

from remixd._kernel.regions import GRID_HOP, RESET_BYTES, find_regions
from remixd._kernel.tree import check_tree, read_tree, tree_places

cdef extern from *:
    """
    static inline void remixd_touch(const char *p) { (void)*(const volatile char *)p; }
    """
    void touch "remixd_touch"(const char* p) noexcept nogil

cdef enum:
    HEADER_BYTES = 4096
    PAGE_BYTES = 4096

FRAMES_MAX = 1 << 33
MAGIC = b"RMXDPCM1"
VERSION = 2
RATE_HZ = 48000
HEADER = struct.Struct("<8sIIqq32sIIIIIII")


cdef void stem_read(const StemView* stem, int64_t start, int64_t frames, bint loop,
                    float* out) noexcept nogil:
    """Copy `frames` frames from `start` on into `out`.

    Outside the music there is silence; with `loop` the music is a circle instead. Thread: [render].
    """
    cdef int64_t at, here
    if loop:
        start = start % stem.frames
        if start < 0:
            start += stem.frames
        while frames > 0:
            here = min(frames, stem.frames - start)
            memcpy(out, stem.pcm + 2 * start, here * 2 * sizeof(float))
            out += 2 * here
            frames -= here
            start = 0
        return
    at = min(max(-start, 0), frames)
    here = min(max(stem.frames - max(start, 0), 0), frames - at)
    memset(out, 0, at * 2 * sizeof(float))
    if here > 0:
        memcpy(out + 2 * at, stem.pcm + 2 * (start + at), here * 2 * sizeof(float))
    memset(out + 2 * (at + here), 0, (frames - at - here) * 2 * sizeof(float))


cdef const float* stem_span(const StemView* stem, int64_t start, int64_t frames, bint loop,
                            float* space) noexcept nogil:
    """The same frames where they are, or, where they are not in one piece, in `space`. Thread: [render]."""
    if loop:
        start = start % stem.frames
        if start < 0:
            start += stem.frames
    if start >= 0 and start + frames <= stem.frames:
        return stem.pcm + 2 * start
    stem_read(stem, start, frames, loop, space)
    return space


cdef void stem_touch(const StemView* stem, int64_t start, int64_t frames) noexcept nogil:
    """Read a byte of every page of [start, start + frames), a circle, and of its tree: so they are there.

    Thread: [housekeeping]; it may wait for the disk, so that the render thread never does.
    """
    cdef const TreeView* tree = &stem.tree
    cdef int64_t at = 0, grid
    while at < frames:
        touch(<const char*>(stem.pcm + 2 * ((start + at) % stem.frames)))
        at += PAGE_BYTES // 8
    at = 0
    while tree.grids > 0 and at < frames:
        grid = ((start + at) % stem.frames) // tree.hop
        touch(<const char*>(tree.starts + grid))
        touch(<const char*>(tree.lows + tree.starts[grid]))
        touch(<const char*>(tree.seeds + tree.starts[grid]))
        touch(<const char*>(tree.offsets + tree.starts[grid]))
        if tree.envelope != NULL:
            touch(<const char*>(tree.envelope + grid * ENVELOPE_POINTS))
        at += tree.hop


cdef class Stem:
    """One stem of a track.

    Make it with `Stem.open(path)` from a cache file, or `Stem.of(pcm)` from an array.
    Thread: [housekeeping]; the render thread only sees its `StemView`.
    """

    @staticmethod
    def open(path) -> Stem:
        """Map a cache file. Raises ValueError, naming the file, if it is not one, or cut short."""
        cdef const unsigned char[::1] memory
        cdef Stem stem = Stem.__new__(Stem)
        with open(path, "rb") as file:
            try:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError:
                raise ValueError(f"{path}: an empty cache file") from None
        if len(mapped) < HEADER_BYTES:
            raise ValueError(f"{path}: too short for a cache file")
        magic, version, rate, frames, pad, _content, _crc, *tree = HEADER.unpack_from(mapped)
        if magic != MAGIC or version != VERSION or rate != RATE_HZ:
            raise ValueError(f"{path}: not a cache file of this version")
        if not 0 < frames < FRAMES_MAX or not 0 <= pad < FRAMES_MAX:
            raise ValueError(f"{path}: a cache file with impossible lengths")
        places, size = tree_places(HEADER_BYTES + (frames + 2 * pad) * 8, *tree[1:5])
        if len(mapped) != size:
            raise ValueError(f"{path}: a cache file cut short")
        memory = mapped
        stem.keep = [mapped]
        stem.path = path
        stem.view.frames = frames
        stem.view.pcm = <const float*>(&memory[HEADER_BYTES + <int64_t>pad * 8])
        try:
            stem._take_tree(tree[0], read_tree(mapped, places))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        return stem

    @staticmethod
    def of(pcm, onsets=(), bint tonal=True) -> Stem:
        """Keep a copy of an array: float (frames, 2), at least one frame, finite; its tree is made here.

        Args:
            pcm: the sound.
            onsets: frames, ascending.
            tonal: whether it is stretched by its spectrum, and not, as drums are, in the time domain.

        Raises ValueError.
        """
        cdef const float[:, ::1] view
        cdef Stem stem = Stem.__new__(Stem)
        copy = np.array(pcm, dtype=np.float32, order="C")
        if copy.ndim != 2 or copy.shape[1] != 2 or copy.shape[0] < 1:
            raise ValueError(f"a stem is (frames, 2), not {copy.shape}")
        if not np.isfinite(copy).all():
            raise ValueError("a stem is finite everywhere")
        view = copy
        stem.keep = [copy]
        stem.view.frames = copy.shape[0]
        stem.view.pcm = &view[0, 0]
        found = np.array(onsets, np.int64)
        if tonal:
            starts, lows, seeds, offsets, resets = find_regions(copy, found)
        else:
            starts, resets = np.zeros(1, np.uint32), np.zeros((0, RESET_BYTES), np.uint8)
            lows = seeds = np.zeros(0, np.uint16)
            offsets = np.zeros(0, np.int16)
        envelope = np.zeros((0, 0), np.uint8)
        stem._take_tree(GRID_HOP, (starts, lows, seeds, offsets, found, resets, envelope))
        return stem

    cdef int _take_tree(self, hop, arrays) except -1:
        """Point the view at a tree's arrays, and keep them. Raises ValueError for what makes no sense."""
        cdef TreeView* tree = &self.view.tree
        starts, lows, seeds, offsets, onsets, resets, envelope = arrays
        check_tree(self.view.frames, hop, *arrays)
        self.keep += arrays
        tree.hop = hop
        tree.grids = max(starts.size - 1, 0)
        tree.onsets_count = onsets.size
        tree.starts = <const uint32_t*><size_t>starts.ctypes.data
        tree.lows = <const uint16_t*><size_t>lows.ctypes.data
        tree.seeds = <const uint16_t*><size_t>seeds.ctypes.data
        tree.offsets = <const int16_t*><size_t>offsets.ctypes.data
        tree.onsets = <const int64_t*><size_t>onsets.ctypes.data
        tree.resets = <const uint8_t*><size_t>resets.ctypes.data
        tree.envelope = <const uint8_t*><size_t>envelope.ctypes.data if envelope.size else NULL
        return 0

    @property
    def is_tonal(self) -> bool:
        """Whether it has regions: else it is stretched in the time domain."""
        return self.view.tree.grids > 0

    @property
    def frames(self) -> int:
        """Frames of music, without padding."""
        return self.view.frames

    def read(self, int64_t start, int64_t frames, bint loop=False):
        """Frames from `start` on as a new array, float32 (frames, 2); silence outside the music."""
        if frames < 0:
            raise ValueError(f"cannot read {frames} frames")
        out = np.empty((frames, 2), dtype=np.float32)
        cdef float[:, ::1] view = out
        if frames:
            with nogil:
                stem_read(&self.view, start, frames, loop, &view[0, 0])
        return out
