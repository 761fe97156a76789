"""The findings, in the order they are asked. One module each; its docstring is what `synsight explain`
prints.

A module has `CODE`, `PHASE`, `candidates(table)` (a mask over all connections: where it could hold) and
`judge(case)` (a Finding, or None). Earlier findings do not hide later ones unless `SUPERSEDES` says so. A
rule that may hold for a connection in perfect order (`FlowTable.clean`) says so with `ASKS_CLEAN = True`.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from ..case import Case
from ..result import SEVERITIES, Finding
from ..table import FlowTable
from ..verdict import at_home
from . import (
    accept_queue_ack_drop,
    accept_queue_rst,
    accept_queue_syn_drop,
    ack_path_loss,
    arp_no_reply,
    captive_or_transparent_proxy,
    challenge_ack_storm,
    client_rst_after_synack,
    client_timeout_abort,
    close_wait_stuck,
    close_with_unread,
    closing_stuck,
    connect_then_rst_proxy,
    conntrack_invalid_rst,
    crash_close,
    data_after_close,
    fin_unacked,
    fin_wait_2_orphan,
    fragment_loss,
    half_open_challenge,
    half_open_dead_peer,
    half_open_rst_blocked,
    handshake_truncated,
    he_fallback,
    icmp_admin_prohib,
    icmp_host_unreach,
    icmp_port_unreach,
    icmp_soft_established,
    icmp_ttl_exceeded,
    jitter_or_queue,
    keepalive_dead,
    keepalive_reuse_race,
    keepalive_vs_nat_mismatch,
    last_ack_stuck,
    mtu_mismatch_l2,
    nat_timeout_rst,
    nat_timeout_silent,
    option_strip,
    paws_syn_drop,
    pmtu_blackhole,
    pmtu_icmp_ignored,
    pmtu_recovered,
    port_closed,
    port_reused_ok,
    reject_tcp_reset,
    rst_after_fin,
    rst_app_abort,
    rst_injected,
    rst_instead_of_fin,
    rst_no_socket,
    rst_out_of_window_ignored,
    rto_backoff_dead,
    rwnd_limited,
    sack_corrupted,
    segment_loss_down,
    segment_loss_up,
    server_silent_after_request,
    simultaneous_open,
    slow_app,
    spurious_rto,
    syn_cookie_degraded,
    syn_lost_recovered,
    syn_option_blackhole,
    syn_proxy,
    syn_to_broadcast_or_bogon,
    syn_unanswered,
    syn_wrong_checksum,
    synack_from_other_ip,
    synack_ignored_by_client,
    synack_unacked,
    synack_wrong_ack,
    tcp_defer_accept,
    tfo_data_ignored,
    third_ack_lost,
    time_wait_assassinated,
    time_wait_challenge,
    ttl_anomaly,
    urgent_or_flag_abuse,
    window_update_lost,
    wscale_stripped,
    zero_window_stall,
    zero_window_unanswered,
)

RULES: tuple[ModuleType, ...] = (
    syn_unanswered,
    syn_wrong_checksum,
    syn_to_broadcast_or_bogon,
    handshake_truncated,
    he_fallback,
    accept_queue_syn_drop,
    syn_lost_recovered,
    syn_option_blackhole,
    paws_syn_drop,
    tfo_data_ignored,
    syn_cookie_degraded,
    synack_unacked,
    synack_ignored_by_client,
    synack_wrong_ack,
    synack_from_other_ip,
    half_open_challenge,
    half_open_rst_blocked,
    time_wait_challenge,
    client_rst_after_synack,
    third_ack_lost,
    accept_queue_ack_drop,
    accept_queue_rst,
    tcp_defer_accept,
    port_reused_ok,
    simultaneous_open,
    syn_proxy,
    captive_or_transparent_proxy,
    option_strip,
    urgent_or_flag_abuse,
    port_closed,
    reject_tcp_reset,
    icmp_port_unreach,
    icmp_admin_prohib,
    icmp_host_unreach,
    icmp_ttl_exceeded,
    rst_injected,
    nat_timeout_rst,
    conntrack_invalid_rst,
    connect_then_rst_proxy,
    client_timeout_abort,
    close_with_unread,
    rst_app_abort,
    rst_no_socket,
    rst_instead_of_fin,
    rst_after_fin,
    keepalive_reuse_race,
    rst_out_of_window_ignored,
    pmtu_icmp_ignored,
    pmtu_blackhole,
    mtu_mismatch_l2,
    fragment_loss,
    pmtu_recovered,
    icmp_soft_established,
    nat_timeout_silent,
    rto_backoff_dead,
    keepalive_dead,
    keepalive_vs_nat_mismatch,
    zero_window_unanswered,
    zero_window_stall,
    window_update_lost,
    rwnd_limited,
    wscale_stripped,
    server_silent_after_request,
    slow_app,
    segment_loss_up,
    segment_loss_down,
    spurious_rto,
    ack_path_loss,
    jitter_or_queue,
    sack_corrupted,
    challenge_ack_storm,
    ttl_anomaly,
    close_wait_stuck,
    fin_unacked,
    last_ack_stuck,
    closing_stuck,
    data_after_close,
    fin_wait_2_orphan,
    half_open_dead_peer,
    crash_close,
    time_wait_assassinated,
    arp_no_reply,
)

BY_CODE = {rule.CODE: rule for rule in RULES}


def candidates(table: FlowTable) -> np.ndarray:
    """Where each rule could hold: bool, a row per rule, a column per connection.

    Most connections are clean, and rules that have nothing to say about a clean one are not shown any.
    """
    masks = np.zeros((len(RULES), len(table)), bool)
    rest = np.flatnonzero(~table.clean)
    part = table.subset(rest)
    for row, rule in enumerate(RULES):
        if getattr(rule, "ASKS_CLEAN", False):
            masks[row] = rule.candidates(table)
        else:
            masks[row, rest] = rule.candidates(part)
    return masks


def judge(case: Case, rules: list[ModuleType]) -> list[Finding]:
    """What the given rules find, worst first.

    A rule's SUPERSEDES names codes that it makes pointless; its OVERSHADOWS names codes that stay true and
    are told after it and all others of their severity.
    """
    found = [(rule, finding) for rule in rules if (finding := rule.judge(case)) is not None]
    hidden = {code for rule, _ in found for code in getattr(rule, "SUPERSEDES", ())}
    later = {code for rule, _ in found for code in getattr(rule, "OVERSHADOWS", ())}
    kept = [finding for _, finding in found if finding.code not in hidden]
    if case.within_one_host:
        kept = [at_home(finding) for finding in kept]
    return sorted(
        kept, key=lambda each: (-SEVERITIES.index(each.severity), each.code in later, -each.confidence)
    )


def missing(case: Case, found: list[Finding]) -> tuple[str, str] | None:
    """(sender, label) of what never came, where the worst finding's rule says so."""
    if not found:
        return None
    absent = getattr(BY_CODE[found[0].code], "missing", None)
    return absent(case) if absent else None
