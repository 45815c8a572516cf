"""Starting a process while sound is rendered: `subprocess` holds the GIL until the new process runs."""
import os
from fcntl import F_DUPFD_CLOEXEC, fcntl

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <fcntl.h>
    #include <spawn.h>
    #include <sys/types.h>

    static int remixd_launch(pid_t *pid, char **words, char **environment, const int *descriptors,
                             int count) {
        posix_spawn_file_actions_t actions;
        int i, error = posix_spawn_file_actions_init(&actions);
        if (error)
            return error;
        for (i = 0; i < 3 && !error; i++)
            error = posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
        for (i = 0; i < count && !error; i++)
            error = posix_spawn_file_actions_adddup2(&actions, descriptors[i], 3 + i);
        if (!error)
            error = posix_spawn_file_actions_addclosefrom_np(&actions, 3 + count);
        if (!error)
            error = posix_spawn(pid, words[0], &actions, NULL, words, environment);
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    """
    int remixd_launch(int* pid, char** words, char** environment, const int* descriptors, int count) nogil

cdef enum:
    WORDS_MOST = 32
    VARIABLES_MOST = 1024
    DESCRIPTORS_MOST = 4
    FREE_FROM = 16


def launch(words, environment, descriptors) -> int:
    """Start a process without keeping Python from anything else meanwhile; its id.

    Its standard descriptors lead nowhere, and it has no others but those given, as 3, 4 and so on.

    Args:
        words: its program, a whole path, and its arguments; 32 at most.
        environment: its variables; 1,024 at most.
        descriptors: of this process; 4 at most.

    Raises OSError if it cannot be started, ValueError. Thread: [housekeeping].
    """
    cdef char* argv[WORDS_MOST + 1]
    cdef char* variables[VARIABLES_MOST + 1]
    cdef int numbers[DESCRIPTORS_MOST]
    cdef int i, error, pid = 0, count = len(descriptors)
    kept = [os.fsencode(word) for word in words]
    pairs = [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in environment.items()]
    if not 0 < len(kept) <= WORDS_MOST or len(pairs) > VARIABLES_MOST or count > DESCRIPTORS_MOST:
        raise ValueError("too many words, variables or descriptors for a process")
    for i in range(len(kept)):
        argv[i] = kept[i]
    argv[len(kept)] = NULL
    for i in range(len(pairs)):
        variables[i] = pairs[i]
    variables[len(pairs)] = NULL
    moved = []
    try:
        for i in range(count):  # to where they are not in each other's way
            moved.append(fcntl(descriptors[i], F_DUPFD_CLOEXEC, FREE_FROM))
            numbers[i] = moved[i]
        with nogil:
            error = remixd_launch(&pid, argv, variables, numbers, count)
    finally:
        for each in moved:
            os.close(each)
    if error:
        raise OSError(error, os.strerror(error), words[0])
    return pid
