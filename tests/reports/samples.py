"""Analyses as the analyser would make them, built by hand: what tests and golden files are made of."""

from __future__ import annotations

from dataclasses import replace

from synsight.analysis.result import (
    Analysis,
    CaptureFacts,
    Distribution,
    Endpoint,
    Errno,
    Evidence,
    Finding,
    Flow,
    Handshake,
    HandshakeTimes,
    Incident,
    LadderRow,
    Quality,
    Retransmissions,
    RuledOut,
    Series,
    StateChange,
    StatesOverTime,
    Suspect,
    Totals,
    Vantage,
)

START_NS = 1_795_230_245_000_000_000
"""2026-11-21 03:04:05 UTC."""

HOSTILE = (
    "\x1b[31mred\x1b]0;title\x07 [bold]markup[/bold] <script>window.pwned=1</script>"
    "<img src=x onerror='window.pwned=2'> \"quoted\" &amp; {{7*7}} "
    "\u202eright-to-left\r\nsecond line\x00\x9b2J \udcff"
)
"""What an attacker may put in a payload, a host name or a file name."""


def row(
    frame: int | None,
    seconds: float,
    sender: str,
    label: str,
    states: str,
    *,
    seq: int = 0,
    ack: int | None = None,
    payload_bytes: int = 0,
    note: str = "",
    payload_text: str = "",
    stops_at: str | None = None,
    repeat: bool = False,
) -> LadderRow:
    """A ladder row; `states` is `SYN-SENT/LISTEN?`, with `?` where a state is only believed."""
    client, server = states.split("/")
    return LadderRow(
        frame=frame,
        at_ns=START_NS + round(seconds * 1e9),
        sender=sender,
        label=label,
        seq=seq,
        ack=ack,
        payload_bytes=payload_bytes,
        window_bytes=64_240,
        note=note,
        payload_text=payload_text,
        stops_at=stops_at,
        repeat=repeat,
        client_state=client.rstrip("?"),
        server_state=server.rstrip("?"),
        client_certain=not client.endswith("?"),
        server_certain=not server.endswith("?"),
    )


def flow(
    client: str, server: str, rows: tuple[LadderRow, ...], findings: tuple[Finding, ...], **facts: object
) -> Flow:
    """A flow whose states, frames and times are those of its ladder; `facts` replace what is not."""
    last = rows[-1]
    shown = [each for each in rows if each.frame is not None]
    made = Flow(
        id=f"{client}-{server}",
        client=endpoint(client),
        server=endpoint(server),
        roles_confidence=1.0,
        start_ns=rows[0].at_ns,
        end_ns=last.at_ns,
        first_frame=shown[0].frame or 1,
        last_frame=shown[-1].frame or 1,
        client_packets_count=sum(each.sender == "client" for each in shown),
        server_packets_count=sum(each.sender == "server" for each in shown),
        client_payload_bytes=0,
        server_payload_bytes=0,
        conn_state="S0",
        history="S",
        client_state=last.client_state,
        server_state=last.server_state,
        client_certain=last.client_certain,
        server_certain=last.server_certain,
        outcome="unanswered",
        states=tuple(_changes(rows)),
        handshake=Handshake(1, 0, None, None, False),
        retransmissions=Retransmissions(0, 0, {}),
        findings=findings,
        ladder=rows,
    )
    return replace(made, **facts)  # type: ignore[arg-type]


def _changes(rows: tuple[LadderRow, ...]) -> list[StateChange]:
    changes: list[StateChange] = []
    last = {"client": "", "server": ""}
    for each in rows:
        for side, state, certain in (
            ("client", each.client_state, each.client_certain),
            ("server", each.server_state, each.server_certain),
        ):
            if state != last[side] and each.frame is not None:
                changes.append(StateChange(side, state, certain, each.at_ns, each.frame))
                last[side] = state
    return changes


def endpoint(text: str) -> Endpoint:
    """`10.0.0.1:80` or `[2001:db8::1]:80`."""
    ip, port = text.rsplit(":", 1)
    return Endpoint(ip.strip("[]"), int(port))


def capture(path: str, packets: int, side: str, **facts: object) -> CaptureFacts:
    """An undamaged capture of `packets` TCP segments."""
    made = CaptureFacts(
        path=path,
        link_types=("EN10MB",),
        packets_count=packets,
        tcp_segments_count=packets,
        skipped={},
        kernel_dropped_count=0,
        start_ns=START_NS,
        end_ns=START_NS + 42_000_000_000,
        vantage=Vantage(side, 0.93, (f"{side}: round trips of the other end are 40 times longer (0.8)",)),
    )
    return replace(made, **facts)  # type: ignore[arg-type]


def analysis(
    headline: str, captures: tuple[CaptureFacts, ...], flows: tuple[Flow, ...], **facts: object
) -> Analysis:
    """An analysis with one incident per first finding of a flow and totals that add up."""
    outcomes: dict[str, int] = {}
    codes: dict[str, int] = {}
    for each in flows:
        outcomes[each.outcome] = outcomes.get(each.outcome, 0) + 1
        for finding in each.findings:
            codes[finding.code] = codes.get(finding.code, 0) + 1
    made = Analysis(
        tool_version="0.1.0",
        headline=headline,
        captures=captures,
        flows=flows,
        incidents=tuple(incident(each) for each in flows if each.findings),
        totals=Totals(
            flows_count=len(flows),
            flows_with_findings_count=sum(bool(each.findings) for each in flows),
            evicted_flows_count=0,
            by_conn_state={},
            by_outcome=outcomes,
            by_code=codes,
            retransmissions_count=sum(
                each.retransmissions.client_count + each.retransmissions.server_count for each in flows
            ),
            packets_count=sum(each.packets_count for each in captures),
            tcp_segments_count=sum(each.tcp_segments_count for each in captures),
        ),
    )
    return replace(made, **facts)  # type: ignore[arg-type]


def incident(told: Flow, flows_count: int = 1, clients_count: int = 1) -> Incident:
    """The incident of a flow's first finding."""
    first = told.findings[0]
    return Incident(
        code=first.code,
        severity=first.severity,
        server=told.server,
        clients_count=clients_count,
        flows_count=flows_count,
        first_ns=told.start_ns,
        last_ns=told.end_ns,
        suspects=first.suspects,
        summary=first.summary,
        flow_ids=(told.id,),
        confidence=first.confidence,
        next=first.next,
    )


def evidence(frame: int, seconds: float, text: str) -> Evidence:
    """Evidence `seconds` after the start."""
    return Evidence(frame, START_NS + round(seconds * 1e9), text)


def dropped_syn() -> Analysis:
    """A SYN repeated four times that nothing ever answers."""
    rows = [
        row(1 + 2 * n, second, "client", "SYN", "SYN-SENT/LISTEN?", repeat=n > 0, stops_at="server-network",
            note=f"retransmission (RTO, {n}. repeat)" if n else "")
        for n, second in enumerate((0.0, 1.031, 2.055, 3.079, 5.127, 9.223))
    ]  # fmt: skip
    rows.append(row(None, 42.0, "server", "SYN-ACK", "SYN-SENT/LISTEN?", note="no answer within 42 s",
                    stops_at="server-network"))  # fmt: skip
    finding = Finding(
        code="syn-unanswered",
        phase="handshake",
        severity="error",
        confidence=0.95,
        summary="The client sent its SYN 6 times in 9.2 s; 10.20.0.5:5432 answered none of them, and "
        "nothing else answered for it.",
        suspects=(Suspect("server-network", 0.55), Suspect("server-host", 0.30), Suspect("path", 0.15)),
        evidence=(
            evidence(1, 0.0, "SYN, seq 2916474331, ttl 64, options MSS 1460, SACK, wscale 7"),
            evidence(3, 1.031, "the same SYN again after 1.031 s"),
            evidence(11, 9.223, "the sixth and last SYN; the capture goes on for 32.8 s"),
        ),
        ruled_out=(
            RuledOut("client-host", "its SYNs are in the capture, with a correct checksum"),
            RuledOut("server-app", "the kernel answers a SYN, or refuses it, without the application"),
        ),
        errno=Errno(client="ETIMEDOUT"),
        next=(
            "tcpdump -ni any 'tcp port 5432 and host 10.1.7.22' -w server.pcap"
            "    # on 10.20.0.5: do SYNs arrive?",
            "nstat -az TcpExtListenDrops TcpExtListenOverflows TcpExtIPReversePathFilter",
        ),
        authority="RFC 9293 section 3.8.3; tcp_syn_retries, tcp_syn_linear_timeouts",
    )
    told = flow("10.1.7.22:40312", "10.20.0.5:5432", tuple(rows), (finding,),
                handshake=Handshake(6, 0, None, None, False),
                retransmissions=Retransmissions(5, 0, {"syn": 5}))  # fmt: skip
    return analysis(
        "10.20.0.5:5432 never answered: 6 SYNs from 10.1.7.22 went out and vanished, most likely in the "
        "server's network.",
        (capture("client.pcap", 11, "client", tcp_segments_count=6, skipped={"arp": 3, "udp": 2}),),
        (told,),
    )


def firewall_rst() -> Analysis:
    """A firewall between the two refuses the connection with a RST in the server's name."""
    rows = (
        row(4, 0.0, "client", "SYN", "SYN-SENT/LISTEN?", stops_at="middlebox"),
        row(5, 0.00042, "server", "RST-ACK", "CLOSED/LISTEN?", ack=1, note="ttl 63, the server's own is 57"),
    )
    finding = Finding(
        code="reject-tcp-reset",
        phase="handshake",
        severity="error",
        confidence=0.88,
        summary="A device one hop from the client refused the connection in the name of 192.0.2.80:443.",
        suspects=(Suspect("client-network", 0.86), Suspect("middlebox", 0.14)),
        evidence=(
            evidence(4, 0.0, "SYN, ttl 64"),
            evidence(
                5, 0.00042, "RST-ACK, ttl 63, 0.42 ms later; the server is 18.3 ms away and sends ttl 57"
            ),
        ),
        ruled_out=(RuledOut("server-host", "its round trip is 18.3 ms, the RST came after 0.42 ms"),),
        errno=Errno(client="ECONNREFUSED"),
        next=("iptables -nvL FORWARD    # on the gateway one hop from 10.1.7.22",),
        authority="RFC 9293 section 3.5.2",
    )
    told = flow("10.1.7.22:51514", "192.0.2.80:443", rows, (finding,), conn_state="REJ", history="Sr",
                outcome="refused")  # fmt: skip
    return analysis(
        "192.0.2.80:443 did not refuse 10.1.7.22: a device one hop from the client did, in its name.",
        (capture("office.pcapng", 2210, "client", kernel_dropped_count=None),),
        (told,),
        incidents=(incident(told, flows_count=417, clients_count=12),),
    )


def stuck_close_wait() -> Analysis:
    """The server closed, the client application never did."""
    both = "ESTABLISHED/ESTABLISHED"
    rows = (
        row(1, 0.0, "client", "SYN", "SYN-SENT/LISTEN?"),
        row(2, 0.0201, "server", "SYN-ACK", "SYN-SENT/SYN-RECEIVED", ack=1),
        row(3, 0.0202, "client", "ACK", "ESTABLISHED/ESTABLISHED?", ack=1, seq=1),
        row(4, 0.0215, "client", "PSH-ACK 312 B", both, seq=1, ack=1, payload_bytes=312,
            payload_text="POST /api/v2/orders HTTP/1.1"),
        row(5, 0.2251, "client", "PSH-ACK 312 B", both, seq=1, ack=1, payload_bytes=312, repeat=True,
            note="retransmission (tail loss probe)"),
        row(6, 0.2452, "server", "ACK", both, seq=1, ack=313),
        row(7, 0.2611, "server", "PSH-ACK 1448 B", both, seq=1, ack=313, payload_bytes=1448,
            payload_text="HTTP/1.1 200 OK"),
        row(8, 0.2612, "client", "ACK", both, seq=313, ack=1449),
        row(40, 60.3, "server", "FIN-ACK", "CLOSE-WAIT?/FIN-WAIT-1", seq=1449, ack=313),
        row(41, 60.3002, "client", "ACK", "CLOSE-WAIT/FIN-WAIT-2?", seq=313, ack=1450),
        row(None, 372.0, "client", "FIN", "CLOSE-WAIT/FIN-WAIT-2?", note="no FIN within 5 min 12 s",
            stops_at="client-app"),
    )  # fmt: skip
    finding = Finding(
        code="close-wait-stuck",
        phase="close",
        severity="warning",
        confidence=0.94,
        summary="The server closed and the client's kernel acknowledged it, but the client application has "
        "not closed its socket for 5 min 12 s.",
        suspects=(Suspect("client-app", 1.0),),
        evidence=(
            evidence(40, 60.3, "FIN-ACK from the server, seq 1449"),
            evidence(41, 60.3002, "ACK 1450 from the client 0.2 ms later: the FIN arrived"),
        ),
        ruled_out=(
            RuledOut("path", "the FIN was acknowledged"),
            RuledOut("server-app", "it closed first, after 60 s without a request"),
        ),
        next=("ss -tnp state close-wait '( dport = :8443 )'",),
        authority="RFC 9293 section 3.3.2",
    )
    told = flow("[2001:db8:10::7]:48210", "[2001:db8:20::80]:8443", rows, (finding,), conn_state="S3",
                history="ShADtdaf", outcome="stuck", handshake=Handshake(1, 1, 20_100.0, 100.0, True),
                client_payload_bytes=312, server_payload_bytes=1448, ladder_left_out_count=31,
                retransmissions=Retransmissions(1, 0, {"tail-loss-probe": 1}))  # fmt: skip
    cut = Quality("capture-truncated", "Frames are cut to 96 bytes.", "Application data is not read.")
    return analysis(
        "A client application leaks sockets: 2001:db8:10::7 holds its connection to [2001:db8:20::80]:8443 "
        "in CLOSE-WAIT 5 min after the server closed.",
        (capture("app.pcapng.gz", 41, "client", quality=(cut,), end_ns=START_NS + 372_000_000_000),),
        (told,),
    )


def healthy() -> Analysis:
    """Nothing went wrong."""
    empty = analysis(
        "Nothing was dropped: all 1,204 connections completed.", (capture("ok.pcap", 48_211, "server"),), ()
    )
    outcomes = {"completed": 1_204}
    return replace(
        empty,
        totals=replace(empty.totals, flows_count=1_204, by_outcome=outcomes, by_conn_state={"SF": 1_204}),
    )


def hostile() -> Analysis:
    """Every string that a capture, or its file name, can supply is an attack."""
    base = dropped_syn()
    told = base.flows[0]
    bad = replace(
        told.findings[0],
        summary=HOSTILE,
        next=(HOSTILE,),
        authority=HOSTILE,
        evidence=(replace(told.findings[0].evidence[0], text=HOSTILE),),
        ruled_out=(RuledOut("path", HOSTILE),),
        errno=Errno(client=HOSTILE),
    )
    rows = tuple(replace(each, label=HOSTILE, note=HOSTILE, payload_text=HOSTILE) for each in told.ladder[:2])
    server = Endpoint(HOSTILE, 80)
    told = replace(
        told, id=HOSTILE, server=server, findings=(bad,), ladder=rows, conn_state=HOSTILE, history=HOSTILE
    )
    quality = Quality("capture-truncated", HOSTILE, HOSTILE)
    facts = capture(HOSTILE, 3, "client", quality=(quality,), error=HOSTILE, skipped={HOSTILE: 1})
    totals = replace(base.totals, flows_count=3, flows_with_findings_count=3, by_outcome={"unanswered": 3})
    return replace(
        base,
        headline=HOSTILE,
        captures=(facts,),
        flows=(told, replace(told, ladder=()), replace(told, ladder=(), client=server)),
        incidents=(incident(told), incident(told)),
        totals=totals,
        series=series(server, {"unanswered": (3, 0)}),
    )


def series(server: Endpoint, opened: dict[str, tuple[int, ...]]) -> Series:
    """Counts over time in bins of 10 s: each handshake took 20 ms, and the states of one server pile up."""
    bins_count = len(next(iter(opened.values())))
    handshakes_count = sum(map(sum, opened.values()))
    answered = Distribution(handshakes_count, (0, handshakes_count), 20_000.0, 20_000.0, 20_500.0)
    finished = Distribution(handshakes_count, (handshakes_count, 0), 120.0, 180.0, 180.0)
    states = {"SYN-RECEIVED": (0,) * (bins_count - 1) + (2,), "CLOSE-WAIT": tuple(range(bins_count))}
    return Series(
        start_ns=START_NS - START_NS % 10_000_000_000,
        bin_ns=10_000_000_000,
        bins_count=bins_count,
        opened=opened,
        handshakes=HandshakeTimes((100, 10_000, 100_000), answered, finished),
        states_over_time=(StatesOverTime(server, "server", states),),
    )


def many(number_of: int = 2_000) -> Analysis:
    """2,000 connections of three kinds, two captures, and more beyond the detail limit."""
    kinds = [maker().flows[0] for maker in (dropped_syn, firewall_rst, stuck_close_wait)]
    flows = []
    for number in range(number_of):
        kind = kinds[number % 3]
        client = Endpoint(f"10.{number // 250}.{number % 250}.9", 30_000 + number % 30_000)
        ladder = kind.ladder if number < 30 else ()
        flows.append(replace(kind, client=client, id=f"{client}-{kind.server}", ladder=ladder))
    base = analysis(
        "10.20.0.5:5432 never answered 667 connections from 667 clients, most likely dropped in the "
        "server's network; 2 other problems.",
        (capture("monday.pcap", 1_048_576, "client"), capture("tuesday.pcap", 20_112, "server")),
        tuple(flows),
        flows_left_out_count=3_112,
    )
    incidents = tuple(incident(flows[kind], 667 - kind, 667 - kind) for kind in range(3))
    opened = {name: (count // 2, count - count // 2) for name, count in base.totals.by_outcome.items()}
    return replace(base, incidents=incidents, series=series(flows[0].server, opened))


ALL = {
    "dropped-syn": dropped_syn,
    "firewall-rst": firewall_rst,
    "stuck-close-wait": stuck_close_wait,
    "healthy": healthy,
    "hostile": hostile,
    "many": many,
}
