"""Flat entries that cross a process boundary, and the single-producer single-consumer queue they cross in."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    COMMAND_MIX = 1         # move one dimension of the mix
    COMMAND_LEVEL = 2       # move one role's level on a deck: dB
    COMMAND_PLAY = 3
    COMMAND_PAUSE = 4
    COMMAND_SEEK = 5        # to `value`, a source frame
    COMMAND_JUMP = 6        # by `value` beats
    COMMAND_LOOP = 7        # over `value` beats, from `extra`, a source frame, or, below 0, from where it is
    COMMAND_SCALE = 8       # a loop to `value` times its length
    COMMAND_EXIT = 9        # out of the loop
    COMMAND_SLIP = 10       # on or off, by `value`; off, it goes where it would be
    COMMAND_REVERSE = 11    # on or off
    COMMAND_KEYLOCK = 12    # on or off
    COMMAND_LOAD = 13       # the player whose key is `extra`, at rest at `value`, a source frame
    COMMAND_SWAP = 14       # the player whose key is `extra`, at the same place
    COMMAND_EJECT = 15
    COMMAND_ALIGN = 16      # to the nearest place at which its beat is the session's
    COMMAND_SYNC = 17       # follow the session's beat, or not
    COMMAND_LEAD = 18       # be what others follow, or not
    COMMAND_PACE = 19       # the session's own beat: `value` beats a minute
    COMMAND_STRIP = 20      # move a parameter of a deck's channel
    COMMAND_ECHO = 21       # move a parameter of the session's echo
    COMMAND_RACK = 22       # the rack whose key is `extra`, to a share of `value` of the sound of its place
    COMMANDS = 23

cdef enum:
    WHEN_SAMPLE = 0         # at `sample`, or as soon as it can be; above: at the next mark of this level then

cdef enum:
    REPORT_APPLIED = 1      # a command took effect
    REPORT_REFUSED = 2      # a command could not be taken: its reason is told
    REPORT_UNDERRUN = 3     # a packet was rendered after it was due
    REPORT_EXPIRED = 4      # the mark that a command waited for did not come in time
    REPORT_ENDED = 5        # the music of a deck was over
    REPORT_WAITS = 6        # a command was taken, and waits for its mark; what becomes of it is told later
    REPORT_BYPASSED = 7     # the rack whose key is `value` is passed by from now on: the reason is told

cdef enum:
    REASON_NONE = 0
    REASON_FULL = 1         # too many wait
    REASON_UNKNOWN = 2      # there is no such command, deck, dimension or value
    REASON_EMPTY = 3        # nothing is loaded on the deck
    REASON_MISSING = 4      # the player is not there
    REASON_OUTSIDE = 5      # the place is outside the music
    REASON_SHORT = 6        # the loop is too short
    REASON_NO_BEAT = 7      # the deck has no beats to follow or be followed by
    REASON_SUMMED = 8       # stems are summed in the spectrum: there is nothing to put a rack on
    REASON_DELAY = 9        # racks would delay the session too much
    REASON_RAISED = 10      # the rack raised an exception,
    REASON_NONFINITE = 11   # or gave what is not finite,
    REASON_SHAPE = 12       # or something else than so many frames of sound

cdef struct Command:        # 64 bytes
    uint64_t id
    uint32_t session        # the engine's key of the session
    uint16_t kind
    uint16_t dimension
    int64_t sample          # on the session clock; negative: now
    double value
    uint32_t ramp_frames
    uint8_t deck            # or every deck
    uint8_t when
    uint8_t shape           # of a ramp
    uint8_t spare8
    int64_t expires         # on the session clock; 0: never
    double extra
    int64_t taken           # the quantum before which the session took it; it sets this itself

cdef struct Report:         # 64 bytes
    uint64_t id
    uint32_t session
    uint16_t kind
    uint16_t dimension
    int64_t sample          # the first changed sample
    int64_t settled_sample  # from here on the change is complete
    int64_t position        # source frames at `sample`
    double value            # what was given, after the engine's own clamp
    int32_t late_frames     # 12 hours at most
    uint32_t taken          # the quantum before which the command was taken, modulo 2^32
    uint8_t superseded      # 1 if a later command took its place before it was heard
    uint8_t deck
    uint8_t command         # its kind
    uint8_t reason          # why it was refused
    uint32_t serial         # counts the session's reports in this engine, from 1

cdef struct Queue:          # one side's view of a queue in shared memory
    uint64_t* head
    uint64_t* tail
    uint8_t* entries
    uint64_t mask

cdef int queue_push(Queue* queue, const void* entry) noexcept nogil
cdef int queue_pop(Queue* queue, void* entry) noexcept nogil
cdef void command_fill(Command* command, uint64_t command_id, uint32_t session, uint16_t kind,
                       uint16_t dimension, int64_t sample, double value, uint32_t ramp_frames, uint8_t deck,
                       uint8_t when, uint8_t shape, int64_t expires, double extra) noexcept

cdef class Mailbox:
    cdef Queue queue
    cdef unsigned char[::1] memory
