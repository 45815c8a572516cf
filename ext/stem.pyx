"""Stems, read at any position. Frames are at 48 kHz, interleaved stereo float32."""
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

import mmap
import struct

import numpy as np

cdef extern from *:
    """
    static inline void remixd_touch(const float *p) { (void)*(const volatile float *)p; }
    """
    void touch "remixd_touch"(const float* p) noexcept nogil

cdef enum:
    HEADER_BYTES = 4096
    PAGE_BYTES = 4096

FRAMES_MAX = 1 << 33
MAGIC = b"RMXDPCM1"
VERSION = 1
RATE_HZ = 48000
HEADER = struct.Struct("<8sIIqq32sI")


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


cdef void stem_touch(const StemView* stem, int64_t start, int64_t frames) noexcept nogil:
    """Read a byte of every page of [start, start + frames), a circle, so that the pages are there.

    Thread: [housekeeping]; it may wait for the disk, so that the render thread never does.
    """
    cdef int64_t at = 0
    while at < frames:
        touch(stem.pcm + 2 * ((start + at) % stem.frames))
        at += PAGE_BYTES // 8


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
        magic, version, rate, frames, pad, _content, _crc = HEADER.unpack_from(mapped)
        if magic != MAGIC or version != VERSION or rate != RATE_HZ:
            raise ValueError(f"{path}: not a cache file of this version")
        if not 0 < frames < FRAMES_MAX or not 0 <= pad < FRAMES_MAX:
            raise ValueError(f"{path}: a cache file with impossible lengths")
        if len(mapped) != HEADER_BYTES + (frames + 2 * pad) * 8:
            raise ValueError(f"{path}: a cache file cut short")
        memory = mapped
        stem.keep = mapped
        stem.path = path
        stem.view.frames = frames
        stem.view.pcm = <const float*>(&memory[HEADER_BYTES + <int64_t>pad * 8])
        return stem

    @staticmethod
    def of(pcm) -> Stem:
        """Keep a copy of an array: float (frames, 2), at least one frame, finite. Raises ValueError."""
        cdef const float[:, ::1] view
        cdef Stem stem = Stem.__new__(Stem)
        copy = np.array(pcm, dtype=np.float32, order="C")
        if copy.ndim != 2 or copy.shape[1] != 2 or copy.shape[0] < 1:
            raise ValueError(f"a stem is (frames, 2), not {copy.shape}")
        if not np.isfinite(copy).all():
            raise ValueError("a stem is finite everywhere")
        view = copy
        stem.keep = copy
        stem.view.frames = copy.shape[0]
        stem.view.pcm = &view[0, 0]
        return stem

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
