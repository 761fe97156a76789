"""The rows, as `segment.SEGMENT`, `records.FLOW`, `records.HALF` and `records.NOTE` lay them out.

What each field means stands there. Making the loop's views compares names, types and offsets, so a difference
cannot pass silently.
"""

from capture.segment_row cimport SegmentRow


ctypedef SegmentRow Segment


cdef struct Flow:
    unsigned long long a_hi
    unsigned long long a_lo
    unsigned long long b_hi
    unsigned long long b_lo
    long long end_ns
    unsigned long long last_frame
    unsigned int packets
    unsigned int marks
    unsigned short a_port
    unsigned short b_port
    unsigned short facts
    unsigned char steady
    unsigned char client_side
    unsigned long long flow_hash
    long long established_ns
    long long start_ns
    unsigned long long first_frame
    long long icmp_ns
    unsigned long long icmp_frame
    unsigned long long icmp_via_hi
    unsigned long long icmp_via_lo
    unsigned long long history0
    unsigned long long history1
    unsigned long long history2
    unsigned long long history3
    unsigned long long established_frame
    unsigned int previous
    unsigned int icmp_count
    unsigned int anomalies
    unsigned short icmp_mtu
    unsigned char icmp_type
    unsigned char icmp_code
    unsigned char icmp_ttl
    unsigned char icmp_side
    unsigned char roles_percent
    unsigned char odd_flags
    unsigned char history_length
    unsigned char reply_ttl
    unsigned short interface


cdef struct Half:
    long long timed_ns
    long long data_acked_ns
    unsigned int nxt
    unsigned int una
    unsigned int timed_seq
    unsigned int timed_bytes
    unsigned int ack_last
    unsigned int window_bytes
    unsigned int max_payload_bytes
    unsigned int max_acked_bytes
    unsigned int data_packets
    unsigned int unpadded_count
    unsigned int rtt_count
    unsigned short mss
    unsigned char wscale
    unsigned char data_ttl
    long long last_ns
    unsigned long long last_frame
    long long advanced_ns
    unsigned long long payload_bytes
    unsigned long long unique_bytes
    unsigned int packets
    unsigned int tsval
    unsigned int tsecr_max
    unsigned int window_max_bytes
    unsigned int ack_max
    unsigned char ttl_min
    unsigned char ttl_max
    unsigned short window_raw
    long long rtt_smoothed_ns
    long long rtt_sum_ns
    long long rtt_min_ns
    long long data_last_ns
    unsigned long long data_last_frame
    unsigned int print_seq
    unsigned int print_ack
    unsigned int print_bytes
    unsigned int print_ts
    unsigned short print_flags
    unsigned short print_ip_id
    unsigned int turn_ms
    long long zero_since_ns
    unsigned int iss
    unsigned int edge_count
    unsigned int keepalive_pending
    unsigned int probe_pending
    unsigned int fin_count
    unsigned int rst_count
    unsigned int resend_count
    unsigned int fill_count
    unsigned int dup_ack_run
    unsigned int padded_count
    unsigned int out_count
    unsigned int in_count
    unsigned char known
    unsigned char proven
    unsigned char believed
    unsigned char pending
    unsigned char holes
    unsigned char zeek
    unsigned char history_bits
    unsigned char ttl_first
    long long first_ns
    unsigned long long first_frame
    long long syn_ns
    unsigned long long syn_frame
    long long syn_last_ns
    unsigned long long syn_last_frame
    long long fin_ns
    unsigned long long fin_frame
    long long fin_acked_ns
    unsigned long long fin_acked_frame
    long long rst_ns
    unsigned long long rst_frame
    long long data_ns
    unsigned long long data_frame
    long long edge_ns
    long long edge_last_ns
    long long zero_total_ns
    long long hole_ns
    unsigned long long unseen_bytes
    unsigned int fin_seq
    unsigned int syn_count
    unsigned int synack_count
    unsigned int rst_seq
    unsigned int rst_ack
    unsigned int rst_expected_seq
    unsigned int rst_peer_ack
    unsigned int after_rst_count
    unsigned int syn_repeat_count
    unsigned int synack_repeat_count
    unsigned int fin_repeat_count
    unsigned int rto_count
    unsigned int fast_count
    unsigned int tlp_count
    unsigned int spurious_count
    unsigned int dsack_count
    unsigned int out_of_order_count
    unsigned int duplicate_count
    unsigned int keepalive_count
    unsigned int probe_count
    unsigned int dup_ack_count
    unsigned int zero_window_count
    unsigned int window_full_count
    unsigned int gap_count
    unsigned int edge_seq
    unsigned int edge_bytes
    unsigned int stray_ack_count
    unsigned int hole0_left
    unsigned int hole0_right
    unsigned int hole1_left
    unsigned int hole1_right
    unsigned int proof_seq
    unsigned int proof_ts
    unsigned int sack_high
    unsigned int partial_sum_count
    unsigned int bad_sum_count
    unsigned int oversize_count
    unsigned int history_t
    unsigned int history_w
    unsigned int history_g
    unsigned short syn_options
    unsigned short rst_window
    unsigned short rst_ip_id
    unsigned short rst_flags
    unsigned short rst_options
    unsigned short syn_window
    unsigned short syn_last_options
    unsigned char before_rst
    unsigned char zeek_previous
    unsigned char disproved_count
    unsigned char rst_ttl
    unsigned char rst_form
    unsigned char syn_ttl
    unsigned short ip_id
    unsigned short rst_last_window
    long long syn_second_ns
    long long reopened_ns
    unsigned int idle_ack_count
    unsigned int foreign_sack_count
    unsigned int late_probe_count
    unsigned int routed_count
    long long turn_at_ns
    unsigned long long turn_frame


cdef struct Note:
    unsigned int marks
    int flow
    unsigned int ordinal
    unsigned char side
    unsigned char anomaly
    unsigned char proven0
    unsigned char believed0
    unsigned char proven1
    unsigned char believed1
    unsigned short unused
