"""Names for the numbers that the rows hold, and every threshold of the loop.

A block whose first line names a Python enum repeats it whole; `tests/test_constants.py` compares them.
"""

cdef enum:  # capture.segment.Flag
    FIN = 0x001
    SYN = 0x002
    RST = 0x004
    PSH = 0x008
    ACK = 0x010
    URG = 0x020
    ECE = 0x040
    CWR = 0x080
    AE = 0x100

cdef enum:  # capture.segment.Kind, with KIND_ before each name
    KIND_TCP = 0
    KIND_ICMP_ERROR = 1
    KIND_ARP_REQUEST = 2
    KIND_ARP_REPLY = 3
    KIND_ECHO_REPLY = 4
    KIND_ADVICE = 5

cdef enum:  # capture.segment.Option, with OPTION_ before each name
    OPTION_MSS = 0x001
    OPTION_WSCALE = 0x002
    OPTION_SACK_PERMITTED = 0x004
    OPTION_SACK = 0x008
    OPTION_TIMESTAMP = 0x010
    OPTION_TFO = 0x020
    OPTION_MPTCP = 0x040
    OPTION_MD5 = 0x080
    OPTION_AO = 0x100
    OPTION_UNKNOWN = 0x4000
    OPTION_MALFORMED = 0x8000

cdef enum:  # capture.segment.IpFlag, with IP_ before each name
    IP_DF = 0x001
    IP_MF = 0x002
    IP_V6 = 0x004
    IP_PADDED = 0x008
    IP_SHORT = 0x010

cdef enum:  # capture.segment.Checksum, with CHECKSUM_ before each name
    CHECKSUM_UNKNOWN = 0
    CHECKSUM_OK = 1
    CHECKSUM_BAD = 2
    CHECKSUM_PARTIAL = 3

cdef enum:  # capture.segment.Direction, with DIRECTION_ before each name
    DIRECTION_UNKNOWN = 0
    DIRECTION_IN = 1
    DIRECTION_OUT = 2

cdef enum:  # analysis.states.State
    UNKNOWN = 0
    CLOSED = 1
    LISTEN = 2
    SYN_SENT = 3
    SYN_RECEIVED = 4
    ESTABLISHED = 5
    FIN_WAIT_1 = 6
    FIN_WAIT_2 = 7
    CLOSE_WAIT = 8
    CLOSING = 9
    LAST_ACK = 10
    TIME_WAIT = 11

cdef enum:  # analysis.states.Event
    SENDS_SYN = 0
    SENDS_SYNACK = 1
    SENDS_SEGMENT = 2
    SENDS_FIN = 3
    SENDS_RST = 4
    SENDS_STRAY_RST = 5
    GETS_SYN = 6
    GETS_SYNACK = 7
    GETS_SEGMENT = 8
    GETS_ACK_OF_SYN = 9
    GETS_FIN = 10
    GETS_ACK_OF_FIN = 11
    GETS_RST = 12
    GETS_HARD_ICMP = 13

cdef enum:  # analysis.states.Anomaly
    DATA_BEFORE_HANDSHAKE = -1
    SYN_IN_SYNCHRONIZED = -2
    SYNACK_IN_SYNCHRONIZED = -3
    SEGMENT_AFTER_CLOSE = -4
    SECOND_FIN = -5

cdef enum:  # analysis.records.Mark, with MARK_ before each name
    MARK_SYN_REPEAT = 1 << 0
    MARK_SYNACK_REPEAT = 1 << 1
    MARK_FIN_REPEAT = 1 << 2
    MARK_RTO = 1 << 3
    MARK_FAST = 1 << 4
    MARK_TLP = 1 << 5
    MARK_SPURIOUS = 1 << 6
    MARK_OUT_OF_ORDER = 1 << 7
    MARK_KEEPALIVE = 1 << 8
    MARK_KEEPALIVE_ACK = 1 << 9
    MARK_PROBE = 1 << 10
    MARK_PROBE_ACK = 1 << 11
    MARK_DUP_ACK = 1 << 12
    MARK_ZERO_WINDOW = 1 << 13
    MARK_WINDOW_FULL = 1 << 14
    MARK_WINDOW_UPDATE = 1 << 15
    MARK_DUPLICATE = 1 << 16
    MARK_GAP = 1 << 17
    MARK_ACKS_UNSEEN = 1 << 18
    MARK_DSACK = 1 << 19
    MARK_NEW_FLOW = 1 << 20
    MARK_ANOMALY = 1 << 21
    MARK_RST_IGNORED = 1 << 22
    MARK_STRAY_ACK = 1 << 23
    MARK_STATE = 1 << 24
    MARK_FILL = 1 << 25
    MARK_STRAY_RST = 1 << 26
    MARK_ICMP = 1 << 27

cdef enum:  # analysis.records.Fact, with FACT_ before each name
    FACT_MIDSTREAM = 1 << 0
    FACT_SYN = 1 << 1
    FACT_SYNACK = 1 << 2
    FACT_HANDSHAKE = 1 << 3
    FACT_FRAGMENT = 0x002 << 3
    FACT_FLIPPED = 1 << 5
    FACT_SHORT = 0x010 << 3
    FACT_GRATUITOUS = 1 << 8
    FACT_SIMULTANEOUS_OPEN = 1 << 9
    FACT_REUSED = 1 << 10
    FACT_ODD_FLAGS = 1 << 11
    FACT_BROADCAST = 1 << 12

cdef enum:  # analysis.records.Offer, with OFFER_ before each name
    OFFER_ECN = 1 << 9
    OFFER_DATA = 1 << 10

cdef enum:  # analysis.records.Pending, with PENDING_ before each name
    PENDING_SYN = 1 << 0
    PENDING_SYNACK = 1 << 1
    PENDING_ACK_OF_SYN = 1 << 2
    PENDING_SEGMENT = 1 << 3
    PENDING_ACK_OF_FIN = 1 << 4
    PENDING_FIN = 1 << 5
    PENDING_RST = 1 << 6
    PENDING_HARD_ICMP = 1 << 7

cdef enum:  # analysis.records.Known, with KNOWN_ before each name
    KNOWN_SEQ = 1 << 0
    KNOWN_SYN = 1 << 1
    KNOWN_ACK = 1 << 2
    KNOWN_UNA = 1 << 3
    KNOWN_FIN_ACKED = 1 << 4
    KNOWN_PROOF_SEQ = 1 << 5
    KNOWN_PROOF_TS = 1 << 6
    KNOWN_WSCALE = 1 << 7

cdef enum:
    FIN_SYN_RST = 0x007  # without any of them: plain data, or a bare acknowledgment
    STATE_COUNT = 12  # shape of the packed `states.TABLE`
    EVENT_COUNT = 14
    PORT_COUNT = 65536

cdef enum:  # HALF.rst_form
    RST_REFUSES_SYN = 1  # R1
    RST_NO_SOCKET = 2  # R2
    RST_ABORTS = 3  # R3

cdef enum:  # FLOW.roles_percent, by what told client from server
    ROLES_BY_SYN = 99
    ROLES_BY_HANDSHAKE = 95  # a SYN-ACK, or a SYN seen later
    ROLES_BY_SERVICE = 80  # one of the ports is a known service
    ROLES_BY_PORT_RANGE = 60  # one of the ports is ephemeral
    ROLES_BY_NOTHING = 50

cdef enum:  # RFC 792, RFC 4443 section 3
    ICMP_UNREACHABLE = 3
    ICMP_FRAGMENTATION_NEEDED = 4  # a code
    ICMP_TIME_EXCEEDED = 11
    ICMPV6_UNREACHABLE = 1
    ICMPV6_TIME_EXCEEDED = 3

cdef enum:  # durations
    DUPLICATE_NS = 2_000_000  # a mirror port repeats a packet within this
    EXACT_NS = 100_000  # the same where the IP identification says nothing
    REORDER_NS = 3_000_000  # a gap filled sooner than this, or than the round trip, was reordering
    FAST_NS = 20_000_000  # a fast retransmission follows its duplicate ACKs within this, or 1.5 round trips

cdef enum:
    LONGEST_MS = 0xFFFFFFFF  # 49 days: a longer wait counts as this one

cdef enum:  # a jump that is longer does not belong to this connection, bytes
    LARGEST_BARE_GAP = 1 << 24  # before a bare acknowledgment
    LARGEST_UNSEEN = 1 << 28  # acknowledged beyond what was captured
    LARGEST_GAP = 1 << 30  # before new data
    COMPARABLE = 1 << 30  # after so many bytes "below the initial number" means nothing any more

cdef enum:
    GAPS_KEPT = 2
    DUP_ACKS_FEW = 2  # with a segment at the acknowledged edge: a fast retransmission
    DUP_ACKS_FAST = 3  # RFC 5681 section 3.2: these alone start one
    DISPROVED_ENOUGH = 2  # after so many, what is on its way to an end is no longer believed to arrive
    EPHEMERAL_PORT = 32768  # first of Linux's net.ipv4.ip_local_port_range
    HALF_OF_16_BITS = 0x8000  # IP identifications are compared modulo 2^16
    LARGEST_WSCALE = 14  # RFC 7323 section 2.3
    NO_WSCALE = 255  # SEGMENT.wscale without the option
    REQUEST_ABOVE = 64  # payload bytes: a close_notify, a window update, `QUIT` ask for no answer
    PADDING_BELOW = 6  # payload bytes: 54 bytes of headers and these make Ethernet's 60
