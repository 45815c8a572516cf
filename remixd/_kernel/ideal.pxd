"""A fan's ideal point: a Gaussian over what is liked best, and how an event changes it."""
from libc.stdint cimport int32_t, uint8_t, uint64_t

cdef enum:
    D = 10                      # dimensions of taste space
    SIZE = D + 1
    PACKED = SIZE * (SIZE + 1) // 2

cdef enum:                      # kinds of events, as remixd.audience.utility.Kind
    WISH = 0
    BETTER = 9
    WORSE = 10
    RECENTRE = 11
    KINDS = 12

cdef struct Event:              # as remixd.audience.ledger.EVENT
    uint64_t id
    double at_s
    double value
    float weight
    int32_t slot
    int32_t heard
    int32_t before
    uint8_t kind
    uint8_t dimension
    uint8_t[6] unused

cdef struct State:
    double[SIZE] mean
    double[PACKED] covariance   # rows of the lower triangle
    double at_s                 # of the last event; NaN before the first

cdef struct Model:
    double[KINDS] trust
    double[KINDS] outcome
    double[D] kappas
    double[D] wish_variances
    double surprise
    double[SIZE] drifts_per_s
    State prior

cdef bint ideal_judges(const Event* event) noexcept nogil
cdef bint ideal_compares(const Event* event) noexcept nogil
cdef void ideal_apply(
    State* state, const Model* model, const Event* event, const double* heard,
) noexcept nogil
