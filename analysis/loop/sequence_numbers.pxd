"""Sequence numbers: compared modulo 2^32 by signed difference (RFC 9293 section 3.4), only here."""

from analysis.loop.constants cimport FIN, SYN
from analysis.loop.rows cimport Half, Segment


cdef inline int ahead(unsigned int a, unsigned int b) noexcept nogil:
    """How far `a` lies ahead of `b` modulo 2^32; negative when behind."""
    return <int>(<unsigned int>(a - b))


cdef inline unsigned int sequence_length(const Segment *s) noexcept nogil:
    """Sequence numbers that `s` takes: its payload, and one each for SYN and FIN."""
    return s.payload_bytes + (s.flags & FIN) + (1 if s.flags & SYN else 0)


cdef inline bint acknowledges_syn(Half *p, const Segment *s) noexcept nogil:
    """Whether `s` acknowledges the SYN of `p`, and nothing beyond what `p` has sent."""
    return ahead(s.ack, p.iss) > 0 and ahead(s.ack, p.nxt) <= 0
