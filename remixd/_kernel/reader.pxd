"""Readers: one track's stems on one time map, from one place on."""
from libc.stdint cimport int64_t

from remixd._kernel.elastic cimport Elastic
from remixd._kernel.slices cimport Slices
from remixd._kernel.stem cimport StemView
from remixd._kernel.stretch cimport Scratch, Stretch

cdef enum:
    STEMS_MAX = 8
    QUANTUM = 64            # frames rendered at a time, and one step of the time map
    STEPS = 512             # steps of the map kept: 32,768 frames
    LANDING = 16            # steps over which a position comes to rest on a whole frame
    RELAX = 8               # frames over which rotations fall back to 0

cdef enum:
    LANE_DRUMS = 0          # stretched in output time, never transposed
    LANE_TONAL = 1          # everything else: stretched, then resampled by the pitch ratio
    LANE_VOCALS = 2         # the same, but formants stay where they are

cdef struct Step:           # QUANTUM output frames; positions have FIX fractional bits
    int64_t source          # source position at its start
    int64_t source_rate     # source frames over the whole step
    int64_t stretched       # position on the tonal lane at its start
    int64_t stretched_rate  # tonal frames a frame
    bint source_whole       # the source runs 1:1, on whole frames
    bint stretched_whole    # the tonal lane runs 1:1, on whole frames

cdef struct Plan:           # what a deck has fixed of its tempo and pitch: a ring of steps
    double tempo[STEPS]     # ratio
    double pitch[STEPS]     # semitones

cdef struct Voice:          # how one stem is played
    int lane
    StemView stem
    Slices slices           # of drums; the rest is of the others
    Stretch stretch
    Elastic elastic
    float[4] gains          # of its last frames, the newest first; 1 where gains act afterwards
    int64_t shift           # its frames' centres are at k * HOP - shift, so that stems take turns
    int64_t next_frame      # first frame not yet worked
    int64_t step            # step of the map in which the frame before lies
    int64_t source          # source centre of the frame before
    int copies
    int relaxed             # frames since the stem came back to 1:1

cdef struct Reader:
    int stems_count
    Voice voices[STEMS_MAX]
    float* sum              # the ring that tonal stems share where their gains act in the spectrum, or NULL
    int64_t length          # source frames
    bint loop               # whether the music is a circle
    bint varispeed          # read as a turntable reads: pitch goes with the speed
    bint backwards          # and its speed is less than 0; then `varispeed` too
    Step steps[STEPS]       # by absolute step of the session
    int64_t end_step        # first step not yet fixed
    int64_t end_source
    int64_t end_stretched
    int source_landing      # steps left until the source is on a whole frame
    int stretched_landing

cdef int reader_init(Reader* reader, bint summed) except -1
cdef void reader_start(Reader* reader, int64_t source, bint varispeed, bint backwards, const Plan* plan,
                       int64_t step, int64_t end_step) noexcept nogil
cdef void reader_continue(Reader* reader, const Reader* other, int64_t step) noexcept nogil
cdef void reader_free(Reader* reader) noexcept
cdef void reader_advance(Reader* reader, int64_t quantum, const float* gains, Scratch* scratch) noexcept nogil
cdef int64_t reader_lag(const Reader* reader, int64_t quantum) noexcept nogil
cdef void reader_read_sum(const Reader* reader, int64_t quantum, float* out) noexcept nogil
cdef void reader_read(Reader* reader, int stem, int64_t quantum, float* out) noexcept nogil
cdef void reader_extend(Reader* reader, const Plan* plan) noexcept nogil
cdef int64_t step_rate(double tempo) noexcept nogil
cdef bint reader_wants_map(const Reader* reader, int64_t quantum) noexcept nogil
cdef int64_t reader_wrap(const Reader* reader, int64_t position) noexcept nogil
cdef int64_t reader_position(const Reader* reader, int64_t sample) noexcept nogil
