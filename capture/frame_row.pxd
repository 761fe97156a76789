"""FRAME (`segment.py`) as the compiled loops see it: the scan writes it, decode reads it."""


cdef struct FrameRow:
    long long time_ns
    unsigned int offset
    unsigned int captured_bytes
    unsigned int wire_bytes
    unsigned short interface
    unsigned short link_type
    unsigned char direction
