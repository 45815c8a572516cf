"""What a session holds."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from remixd._kernel.apart cimport Apart
from remixd._kernel.bus cimport Bus
from remixd._kernel.deck cimport Deck
from remixd._kernel.echo cimport Echo
from remixd._kernel.mailbox cimport Queue
from remixd._kernel.meter cimport Meter
from remixd._kernel.player cimport DIMENSIONS, ROLES
from remixd._kernel.racks cimport Racks
from remixd._kernel.reader cimport QUANTUM
from remixd._kernel.sampler cimport Layer, Voices
from remixd._kernel.shelf cimport Shelf
from remixd._kernel.stretch cimport Scratch
from remixd._kernel.tone cimport Tone
from remixd._kernel.trace cimport Trace
from remixd._kernel.waiting cimport Waiting

cdef enum:
    DECKS = 4
    EVERY_DECK = 255        # of a command: all that are loaded, and those that will be
    NO_DECK = -1

cdef struct CheckpointView:  # in shared memory: the newest of two is whole, whenever its writer dies
    uint64_t* newest
    uint8_t* places
    int64_t written         # session clock

cdef struct SessionState:
    uint32_t key
    Deck[DECKS] decks
    double[DIMENSIONS] mix  # what was last given to every deck, before rights
    int lead                # the deck whose beats others follow, or NO_DECK: the session's own
    double beat             # of the session at the end of the plan
    double pace             # beats a step
    Echo echo               # of what decks send
    Tone tone               # of all of it
    Bus bus
    Waiting for_strips      # commands that wait: for gains,
    Waiting for_map         # tempo, pitch and what bends the map,
    Waiting for_decks       # jumps and the like,
    Waiting for_marks       # and those of all kinds whose beat or bar is not in sight
    Queue* reports
    uint32_t reports_lost
    uint32_t reports_told   # so far, lost ones too
    Shelf shelf             # of players,
    Shelf patterns          # and of patterns of hits
    Layer[DECKS] layers     # what is generated over each deck
    Voices voices           # of all layers
    Racks* racks            # of a `SessionRacks`
    Apart* apart            # the stems by themselves, or NULL
    Meter meter
    CheckpointView kept
    Trace* trace            # what is done, and when, or NULL
    int64_t quantum         # next to be rendered
    int64_t end_step        # first step not yet planned
    int64_t[DECKS] playheads    # source frames at the newest quantum; for housekeeping to read
    int64_t clock           # output frames handed out
    float block[QUANTUM * 2]
    int block_used          # frames of `block` already handed out
    float stem[QUANTUM * 2]
    float deck[QUANTUM * 2]
    float send[QUANTUM * 2]
    float[DECKS][ROLES][QUANTUM] ramps
    float[DECKS][ROLES][QUANTUM] ramps_before   # of what fades out, where its rights are others
    Scratch* scratch
