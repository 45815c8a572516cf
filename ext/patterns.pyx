"""Patterns of hits, laid down for a session while it plays, and taken back. Thread: [housekeeping]."""
from libc.stdint cimport uint32_t

from remixd._kernel.sampler cimport Pattern, pattern_sounds
from remixd._kernel.session cimport Session
from remixd._kernel.shelf cimport SHELF, shelf_collect, shelf_put, shelf_withdraw


cdef class PatternShelf:
    """The patterns that a session has, or may take.

    Args:
        session: whose shelf it is; it keeps what lies there for as long as it lasts.
    """

    cdef Session session
    cdef dict patterns
    cdef list fading

    def __cinit__(self, Session session not None):
        self.session = session
        self.patterns = session.patterns
        self.fading = session.fading

    def shelve(self, Pattern pattern not None) -> None:
        """Lay a pattern down for a command. Raises ValueError if its key lies there, or there is no room."""
        if pattern.key in self.patterns:
            raise ValueError(f"pattern {pattern.key} is there already")
        if not shelf_put(&self.session.state.patterns, pattern.key, pattern.state, SHELF):
            raise ValueError(f"a session has room for {SHELF} patterns")
        self.patterns[pattern.key] = pattern

    def collect(self) -> list[int]:
        """Free the patterns that are no longer on a deck, once they are no longer heard; their keys."""
        cdef uint32_t key = 0
        cdef list gone = []
        while shelf_collect(&self.session.state.patterns, &key):
            gone.append(key)
            self.fading.append(self.patterns.pop(key))
        self.fading[:] = [pattern for pattern in self.fading if pattern_sounds((<Pattern>pattern).state)]
        return gone

    def withdraw(self, uint32_t key) -> bool:
        """Free a pattern that lies ready, once no command can come that takes it; whether there was one."""
        if not shelf_withdraw(&self.session.state.patterns, key):
            return False
        del self.patterns[key]
        return True
