"""Stems: stereo float32 PCM and its phase tree, both where they are, in a memory-mapped cache file."""
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t

cdef enum:
    MASK_BYTES = 264        # one bit a bin
    ENVELOPE_POINTS = 128
    ENVELOPE_BINS = 16      # bins from one point to the next

cdef struct TreeView:       # see `remixd._kernel.regions.find_regions` and `remixd.track.cache`
    int64_t grids           # analyses, one every `hop` frames; 0: stretched in the time domain
    int64_t hop
    const uint32_t* starts  # grids + 1
    const uint16_t* lows
    const uint16_t* seeds
    const int16_t* offsets
    int64_t onsets_count
    const int64_t* onsets
    const uint8_t* resets   # onsets_count masks
    const uint8_t* envelope  # grids * ENVELOPE_POINTS, .5 dB; NULL: none

cdef struct StemView:
    const float* pcm        # interleaved stereo; frame 0 of the music
    int64_t frames
    TreeView tree

cdef void stem_read(const StemView* stem, int64_t start, int64_t frames, bint loop, float* out) noexcept nogil

cdef const float* stem_span(const StemView* stem, int64_t start, int64_t frames, bint loop,
                            float* space) noexcept nogil

cdef void stem_touch(const StemView* stem, int64_t start, int64_t frames) noexcept nogil

cdef class Stem:
    cdef StemView view
    cdef list keep
    cdef int _take_tree(self, hop, arrays) except -1
    cdef readonly object path
