"""What a fan likes best: a Gaussian ideal-point filter, one event at a time.

The state is a Gaussian over [c, p_1 .. p_D]: p is the mix that is liked best, in taste space, and c how
readily the fan likes. Utility is quadratic, u(x) = c - kappa |x - p|^2, where c takes in -kappa |p|^2, so
that it is linear in the state: u(x) = phi'z + o with phi = [1, 2 kappa x], o = -kappa |x|^2. A wish observes
p_d directly (Kalman 1960); a like or its opposite observes sigmoid(u): the extended Kalman step with the
moderated output of MacKay 1992, "The evidence framework applied to classification networks", eq. 16.

Thread: [control].
"""
from libc.math cimport M_PI, exp, sqrt
from libc.string cimport memset


cdef bint ideal_judges(const Event* event) noexcept nogil:
    """Whether an event says how a mix was liked, and does not name a dimension."""
    return event.kind != WISH and event.kind != RECENTRE


cdef bint ideal_compares(const Event* event) noexcept nogil:
    """Whether it says so of one mix against another."""
    return event.kind == BETTER or event.kind == WORSE


cdef inline Py_ssize_t _at(Py_ssize_t i, Py_ssize_t j) noexcept nogil:
    """Where row i, column j of a symmetric matrix is in its packed lower triangle."""
    return i * (i + 1) // 2 + j if i >= j else j * (j + 1) // 2 + i


cdef void _drift(State* state, const Model* model, double passed_s) noexcept nogil:
    """Tastes wander: variances grow, up to those of the prior."""
    cdef Py_ssize_t i, k
    cdef double room
    for i in range(SIZE):
        k = _at(i, i)
        room = model.prior.covariance[k] - state.covariance[k]
        if room > 0.0:
            state.covariance[k] += min(passed_s * model.drifts_per_s[i], room)


cdef void _learn(State* state, const double* gain, double innovation, double shrink) noexcept nogil:
    """Move the mean by `gain * innovation`, kept in taste space, and take `shrink * gain gain'` off P."""
    cdef Py_ssize_t i, j, k = 0
    for i in range(SIZE):
        for j in range(i + 1):
            state.covariance[k] -= gain[i] * gain[j] * shrink
            k += 1
        state.mean[i] += gain[i] * innovation
        if i > 0:
            state.mean[i] = min(max(state.mean[i], -1.0), 1.0)


cdef void _wish(State* state, const Model* model, const Event* event, double weight) noexcept nogil:
    """What is wished is observed with noise. A surprise says that p_d is less known than it seemed, or went
    elsewhere: its own variance grows by a share of what the innovation exceeds its own by (Mehra 1972,
    "Approaches to adaptive filtering": covariance matching). So the wish is followed where it is meant, and
    little is believed of what goes with it.
    """
    cdef double[SIZE] column
    cdef Py_ssize_t i, d = 1 + event.dimension
    cdef double innovation = event.value - state.mean[d], noise = model.wish_variances[d - 1] / weight
    cdef double spread = innovation * innovation - state.covariance[_at(d, d)] - noise
    state.covariance[_at(d, d)] += model.surprise * max(spread, 0.0)
    for i in range(SIZE):
        column[i] = state.covariance[_at(i, d)]
    spread = 1.0 / (column[d] + noise)
    _learn(state, column, innovation * spread, spread)


cdef void _judge(
    State* state, const Model* model, const Event* event, double weight,
    const double* heard, const double* before,
) noexcept nogil:
    """A logistic observation of u(heard), or of u(heard) - u(before)."""
    cdef double[SIZE] phi
    cdef double[SIZE] gain
    cdef Py_ssize_t i, j, k = 0
    cdef double offset = 0.0, spread = 0.0, utility, likely, curve, keep
    phi[0] = 1.0 if before == NULL else 0.0
    for i in range(D):
        phi[i + 1] = 2.0 * model.kappas[i] * (heard[i] if before == NULL else heard[i] - before[i])
        offset -= model.kappas[i] * heard[i] * heard[i]
        if before != NULL:
            offset += model.kappas[i] * before[i] * before[i]
    memset(gain, 0, sizeof(gain))
    for i in range(SIZE):
        for j in range(i):
            gain[i] += state.covariance[k] * phi[j]
            gain[j] += state.covariance[k] * phi[i]
            k += 1
        gain[i] += state.covariance[k] * phi[i]
        k += 1
    utility = offset
    for i in range(SIZE):
        utility += state.mean[i] * phi[i]
        spread += gain[i] * phi[i]
    likely = 1.0 / (1.0 + exp(-utility / sqrt(1.0 + M_PI * spread / 8.0)))
    curve = weight * likely * (1.0 - likely)
    keep = 1.0 / (1.0 + curve * spread)
    _learn(state, gain, keep * weight * (model.outcome[event.kind] - likely), curve * keep)


cdef void _recentre(State* state, const Model* model, const Event* event) noexcept nogil:
    """The mix was taken elsewhere: the taste goes along, as uncertain as it was at first."""
    cdef Py_ssize_t i, d = 1 + event.dimension
    for i in range(SIZE):
        state.covariance[_at(i, d)] = 0.0
    state.covariance[_at(d, d)] = model.prior.covariance[_at(d, d)]
    state.mean[d] = event.value


cdef void ideal_apply(
    State* state, const Model* model, const Event* event, const double* heard,
) noexcept nogil:
    """One event. Time that runs back drifts nothing."""
    cdef double weight = model.trust[event.kind] * event.weight
    cdef double passed_s = event.at_s - state.at_s
    if passed_s > 0.0:
        _drift(state, model, passed_s)
    state.at_s = event.at_s
    if event.kind == RECENTRE:
        _recentre(state, model, event)
    elif weight <= 0.0:
        return
    elif event.kind == WISH:
        _wish(state, model, event, weight)
    else:
        _judge(
            state, model, event, weight, heard + D * <Py_ssize_t>event.heard,
            heard + D * <Py_ssize_t>event.before if ideal_compares(event) else NULL,
        )
