"""The elastic map of one stem: near the time map, true to it at onsets."""
from libc.stdint cimport int64_t, uint8_t

from remixd._kernel.stem cimport StemView

cdef enum:
    MASKS_MAX = 4
    REST_FRAMES_MAX = 8     # frames after which a stem is back on a map that stands at speed 1

cdef struct Anchors:        # the onsets around a position; frames of the source, laps of a loop included
    int64_t behind
    int64_t ahead
    int64_t index           # of `ahead` in the stem's onsets; -1: the start of a lap
    int64_t lap

cdef struct Elastic:
    Anchors anchors
    bint sung               # a voice: it keeps nearer to the map
    int64_t source          # centre of the frame before
    int64_t begun           # the last anchor whose regions started afresh
    const uint8_t* masks[MASKS_MAX]     # bins that start afresh at this frame
    int masks_count
    bint fresh              # all of them do

cdef int64_t nowhere() noexcept nogil
cdef void anchors_find(Anchors* anchors, const StemView* stem, bint loop, int64_t source) noexcept nogil
cdef void anchors_pass(Anchors* anchors, const StemView* stem, bint loop) noexcept nogil
cdef void elastic_start(Elastic* elastic, const StemView* stem, bint loop, bint sung,
                        int64_t source) noexcept nogil
cdef int64_t elastic_advance(Elastic* elastic, const StemView* stem, bint loop, double nominal, double rate,
                             double speed) noexcept nogil
