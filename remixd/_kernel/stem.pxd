"""Stems: stereo float32 PCM that stays where it is, in a memory-mapped cache file."""
from libc.stdint cimport int64_t

cdef struct StemView:
    const float* pcm        # interleaved stereo; frame 0 of the music
    int64_t frames

cdef void stem_read(const StemView* stem, int64_t start, int64_t frames, bint loop, float* out) noexcept nogil

cdef void stem_touch(const StemView* stem, int64_t start, int64_t frames) noexcept nogil

cdef class Stem:
    cdef StemView view
    cdef object keep
    cdef readonly object path
