"""SEGMENT (`segment.py`) as the compiled loops see it: decode writes it, the tracker reads it.

What each field means stands there. Making a view of SEGMENT rows compares names, types and offsets, so a
difference cannot pass silently. Only a declaration: nothing is imported at run time.
"""


cdef struct SegmentRow:
    long long time_ns
    unsigned long long frame
    unsigned long long flow_hash
    unsigned long long src_hi
    unsigned long long src_lo
    unsigned long long dst_hi
    unsigned long long dst_lo
    unsigned int seq
    unsigned int ack
    unsigned int payload_bytes
    unsigned int tsval
    unsigned int tsecr
    unsigned short sport
    unsigned short dport
    unsigned short flags
    unsigned short window
    unsigned short options
    unsigned short ip_id
    unsigned char kind
    unsigned char ttl
    unsigned char sack_count
    unsigned char checksum
    unsigned char direction
    unsigned char ip_flags
    unsigned char wscale
    unsigned char via_ttl
    unsigned long long via_hi
    unsigned long long via_lo
    unsigned long long src_mac
    unsigned long long dst_mac
    unsigned int payload_offset
    unsigned int payload_captured_bytes
    unsigned int sack_left
    unsigned int sack_right
    unsigned int sack2_left
    unsigned int sack2_right
    unsigned short mss
    unsigned short mtu
    unsigned short interface
    unsigned char icmp_type
    unsigned char icmp_code
    unsigned char tunnel_depth
    unsigned char payload_class
