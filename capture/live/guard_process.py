"""The process that outlives a killed writer for a moment; guard.py starts it by path, without synsight.

Arguments: the descriptors of a socket and of 16 shared bytes. On the socket comes the path of each file
before it is made, then the file itself as a descriptor, or "-" when it could not be made. The shared bytes
say how much of the files with even and with odd numbers (from 1) is whole; 0: not told yet.
"""

import os
import socket
import struct
import sys


def main() -> None:
    """Wait for the writer's end, then cut its last file, or remove it when nothing was written to it."""
    line = socket.socket(fileno=int(sys.argv[1]))
    shared = int(sys.argv[2])
    count, path, newest = 0, b"", -1
    while True:
        said, descriptors, _, _ = socket.recv_fds(line, 1 << 16, 1)
        if descriptors:
            newest = descriptors[0]
        elif said == b"-":
            path = b""
        elif said:
            if newest >= 0:
                os.close(newest)
            count, path, newest = count + 1, said, -1
        else:
            break
    if newest >= 0:
        (whole,) = struct.unpack_from("=Q", os.pread(shared, 16, 0), count % 2 * 8)
        if 0 < whole < os.fstat(newest).st_size:
            os.ftruncate(newest, whole)
    if path and os.path.exists(path) and os.path.getsize(path) == 0:
        os.unlink(path)


if __name__ == "__main__":
    main()
