"""What a session holds."""
from libc.stdint cimport int64_t, uint32_t

from remixd._kernel.bus cimport Bus
from remixd._kernel.deck cimport QUANTUM, Deck
from remixd._kernel.mailbox cimport Queue
from remixd._kernel.meter cimport Meter
from remixd._kernel.stretch cimport Scratch
from remixd._kernel.strip cimport Ramp
from remixd._kernel.waiting cimport Waiting

cdef enum:
    ROLES = 4
    DIMENSIONS = 6
    TEMPO = 0               # dimensions, in the order of remixd.mix.PLAYABLE
    PITCH = 1
    DRUMS_GAIN = 3
    DRUMS = 0               # and roles, in the order of remixd.units.STEM_ROLES
    VOCALS = 2

cdef struct SessionState:
    uint32_t key
    Deck deck
    int role_of[8]
    bint role_present[ROLES]
    bint summed             # tonal stems' gains act in the spectrum, with their frames
    Ramp gains[ROLES]
    float vocals_limit      # most that vocals may be of the loudest other role, linear; 0: no limit
    double low[DIMENSIONS]  # rights
    double high[DIMENSIONS]
    Bus bus
    Waiting for_strips
    Waiting for_map
    Queue* reports
    uint32_t reports_lost
    Meter meter
    int64_t quantum         # next to be rendered
    int64_t playhead        # source frames at the newest quantum; for housekeeping to read
    int64_t clock           # output frames handed out
    float block[QUANTUM * 2]
    int block_used          # frames of `block` already handed out
    float stem[QUANTUM * 2]
    float ramps[ROLES][QUANTUM]
    Scratch* scratch
