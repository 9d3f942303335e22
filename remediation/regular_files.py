"""Files that mappings.yaml and the settings name. Nothing that is opened here can block or has no end."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: str | Path) -> BinaryIO:
    """The file, open for reading. Links to it are followed.

    Raises OSError, also for what is no regular file (a named pipe, a device, a socket, a folder): opening a pipe waits
    for its writer, and a device may never end. Raises ValueError for a path that cannot be one.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is no regular file", str(path))
