"""Silence where an answer was due: how long is long enough, and who may have dropped what (section J)."""

from __future__ import annotations

import numpy as np

from ...capture.segment import address_halves
from ..case import SECOND, Case, seconds
from ..records import Fact
from ..scene.neighbours import Echo
from ..scene.peers import STALLED_NS, Record
from ..table import FlowTable
from ..verdict import Suspicion

FIRST_RETRY_NS = SECOND
"""RFC 6298 section 2.1: a SYN or SYN-ACK is repeated after one second; before that nothing is late."""

COPY_NS = SECOND // 10
"""Repeats closer together than this are copies made on the way or by the capture, not a timer's."""

PATIENCE_NS = 3 * SECOND
"""A live end answers within the first retry or two; three seconds cover satellite links and one loss."""

SURELY_COUNT = 3
"""With two, one loss explains everything: the answer to the second may be on its way when a capture ends."""

AROUND_NS = 30 * SECOND
"""Other connections further away in time say little about this one."""

HELD_NS = 63 * SECOND
"""How long a half-open connection keeps its place: five repeats of the SYN-ACK (tcp_synack_retries)."""

CROWD = 8
"""Half-open connections from which the queue of them may be full: it is as long as the backlog in listen(),
often 5, 10 or 128. A full one turns SYNs away in silence when SYN cookies are off."""

SURE = 0.85
"""A vantage point inferred with less confidence does not clear a neighbour."""


def overdue(case: Case, first_ns: int, last_ns: int) -> bool:
    """Whether what was first sent at `first_ns`, last at `last_ns`, should have been answered by now."""
    waited_ns = case.since_ns(first_ns)
    repeated = last_ns - first_ns >= COPY_NS
    return waited_ns >= FIRST_RETRY_NS and (repeated or waited_ns >= PATIENCE_NS)


def patient(case: Case, first_ns: int, count: int) -> bool:
    """Whether so many of them, or so long a wait, leave little hope: one lost answer looks like two SYNs."""
    return count >= SURELY_COUNT or case.since_ns(first_ns) >= PATIENCE_NS


def unanswered(table: FlowTable) -> np.ndarray:
    """SYNs and nothing back, and a client that does not behave as if it had an answer that the tap missed."""
    client = table.client
    waiting = client("packets") - client("duplicate_count") <= client("syn_count") + client("rst_count")
    silent = (table.server("packets") == 0) & (table.flows["icmp_count"] == 0)
    mask: np.ndarray = (client("syn_count") > 0) & silent & waiting
    return mask


def unconfirmed(table: FlowTable) -> np.ndarray:
    """A SYN and a SYN-ACK, neither ACK nor RST from the client, and a server that still waits for one."""
    client, server = table.client, table.server
    waiting = server("packets") - server("duplicate_count") <= server("synack_count")
    mask: np.ndarray = (
        waiting
        & (client("syn_count") > 0)
        & (server("synack_count") > 0)
        & (server("stray_ack_count") == 0)
        & (table.flows["established_ns"] == 0)
        & ((client("rst_count") == 0) | (client("rst_form") == 2) & (client("rst_seq") != client("iss") + 1))
        & (server("rst_count") == 0)
        & (client("data_packets") == 0)
        & ~table.has(Fact.SIMULTANEOUS_OPEN)
    )
    return mask


def still_waiting(case: Case) -> bool:
    """Whether an end shows that the handshake is not complete: it repeats its SYN or its SYN-ACK by a timer.

    A server that stops after one SYN-ACK has the ACK, which the capture then missed (or sends SYN cookies).
    """
    client, server = case.client, case.server
    asked = client.syn_last_ns > server.syn_ns and client.syn_count > 1
    return bool(asked or server.syn_last_ns - server.syn_ns >= COPY_NS)


def at_server(case: Case) -> bool:
    """Whether the tap sees what reaches the server's host."""
    return case.vantage in ("server", "both")


def listener(case: Case) -> Record:
    """All connections to the same address and port."""
    return case.scene.peers.listener(case.index)


def stalled_others(case: Case) -> int:
    """Other open connections to the port whose data the kernel acknowledged and no program answered.

    0 when most connections to the port are served: its program accepts, and some requests just take long.
    """
    client, server = case.client, case.server
    acked = client.data_packets > 0 and client.data_acked_ns > client.data_ns
    spoken = server.data_packets or server.fin_count or server.rst_count
    own = acked and not spoken and server.synack_count and case.since_ns(client.data_ns) >= STALLED_NS
    port = listener(case)
    stalled = port.stalled_count - int(bool(own))
    served = port.answered_count - int(server.synack_count > 0) - stalled
    return stalled if stalled > served else 0


TABLE_FULL = "ports answer nobody new while older connections to the host go on: a full connection table"


def full_table(case: Case) -> str:
    """That the server's host, or a firewall before it, takes nobody new; empty when nothing says so."""
    ports = case.scene.peers.siblings.new_only(case.index)
    return f"{ports} {TABLE_FULL} (conntrack-full-drop)?" if ports else ""


def dropping_syns(case: Case) -> Suspicion:
    """Who may have dropped a SYN, or its answer, beyond the tap."""
    stalled = stalled_others(case)
    if case.vantage == "server":
        return _server_alone(case, stalled)
    sides = {"path": 1.0, "server-network": 1.5, "server-host": 1.5}
    if stalled:
        sides["server-app"] = 3.0
    if case.vantage == "both":
        sides |= {"path": 0.3, "server-network": 0.7, "server-host": 3.0}
    elif case.vantage != "middle":
        sides["client-network"] = 1.0
    suspicion = Suspicion(sides)
    if case.vantage == "middle":
        for side in ("client-app", "client-host", "client-network"):
            suspicion.rule_out(side, "the SYN passed the place of the capture, on its way to the server")
    _weigh_others(case, suspicion)
    return suspicion


def _server_alone(case: Case, stalled: int) -> Suspicion:
    """The tap sits before the host's firewall and queues (F1)."""
    sides = {"server-host": 1.0}
    if stalled:
        sides["server-app"] = 1.0
    if case.scene.vantage.confidence < SURE:
        sides["server-network"] = 0.2
    suspicion = Suspicion(sides)
    if full := full_table(case):
        suspicion.scale("server-host", 1.0, full)
    for side in ("client-app", "client-host", "client-network", "path", "server-network"):
        if side not in sides:
            suspicion.rule_out(side, "the SYN is visible in this capture, taken on the server")
    return suspicion


def _weigh_others(case: Case, suspicion: Suspicion) -> None:
    """What other connections of the client, of the port and of the server say."""
    peers = case.scene.peers
    client, server, port = peers.client(case.index), peers.server(case.index), listener(case)
    own = 1 if case.server.synack_count else 0  # this connection is no evidence about itself
    if client.answered_count > own and _around(case, client):
        suspicion.scale("client-network", 0.3, "the same client gets answers from other connections")
    elif client.servers_count > 1 and client.answered_count + client.refused_count == own:
        why = f"nothing answers this client, on {client.servers_count} servers"
        suspicion.scale("client-network", 5.0, why)
    network, ports = peers.siblings.silent_network(case.index), peers.siblings.silent_ports(case.index)
    if crowd := _crowd(case, port):
        why = f"{crowd} half-open connections wait at the port: is its queue of them full?"
        suspicion.scale("server-host", 2.0, why)
    elif full := full_table(case):
        suspicion.scale("path", 0.2, full)
        suspicion.scale("client-network", 0.5, full)
    elif port.answered_count > own and port.silent_count > 1 and port.last_answer_ns < port.first_silence_ns:
        _weigh_event(case, suspicion, port)
    elif ports:
        why = f"{ports} of this client get no answer however often they ask, others open at the same time: "
        why += "one of several paths or backends is broken (ecmp-path-loss)?"
        for side, factor in (("path", 2.0), ("server-network", 2.0), ("server-host", 0.5)):
            suspicion.scale(side, factor, why)
    elif network:
        why = f"no client in {network} is answered by this port, and all others are: an access list?"
        suspicion.scale("server-network", 2.0, why)
        suspicion.scale("path", 0.5, why)
    elif peers.pair(case.index).answered_count > own:
        suspicion.scale("server-host", 1.5, "the same port answers other connections of this client")
        suspicion.scale("path", 0.6, "the same port answers other connections of this client")
    elif port.answered_count > own:
        suspicion.scale("server-network", 1.5, "the same port answers other clients: an access list?")
        suspicion.scale("client-network", 1.5, "the same port answers other clients")
        suspicion.scale("server-host", 0.7, "the same port answers other clients")
    elif server.answered_count > own or server.refused_count:
        suspicion.scale("path", 0.2, "the same server answers on other ports")
        suspicion.scale("client-network", 0.5, "the same server answers on other ports")
    elif (echo := echo_of(case, "server")) and _between(case, echo.first_ns, echo.last_ns):
        why = f"the server's host answers ping (frame {echo.frame}): it is up, and there is a way"
        suspicion.scale("path", 0.4, why)
        suspicion.scale("client-network", 0.7, why)


def _crowd(case: Case, port: Record) -> int:
    """How many half-open connections stood at the port while this SYN was sent, if that is most of them."""
    if 2 * port.half_open_count < port.answered_count or case.server.synack_count:
        return 0
    since_ns, until_ns = case.client.syn_ns - HELD_NS, case.client.syn_last_ns + FIRST_RETRY_NS
    count = case.scene.peers.siblings.half_open_count(case.index, since_ns, until_ns)
    return count if count >= CROWD else 0


def _weigh_event(case: Case, suspicion: Suspicion, port: Record) -> None:
    """The port answered everybody up to a moment, and nobody since: something happened there."""
    since = seconds(port.first_silence_ns - port.last_answer_ns)
    why = "the port answered, and from some moment on nobody: "
    why += f"the last answer came {since} before the first silence"
    suspicion.scale("server-host", 1.5, why)
    if case.scene.peers.siblings.clients_count(case.index) > 1:
        suspicion.scale("client-network", 0.3, f"{why}, for several clients")


def _around(case: Case, record: Record) -> bool:
    """Whether the group was answered near in time to this attempt."""
    return record.first_answer_ns > 0 and _between(case, record.first_answer_ns, record.last_answer_ns)


def _between(case: Case, first_ns: int, last_ns: int) -> bool:
    """Whether answers from one moment to another are near in time to this attempt."""
    client = case.client
    return bool(last_ns >= client.syn_ns - AROUND_NS and first_ns <= client.syn_last_ns + AROUND_NS)


def echo_of(case: Case, side: str) -> Echo | None:
    """The answers of one end's host to ping. A host that does not answer says nothing by that."""
    echoes = case.scene.neighbours.echoes
    return echoes.get(address_halves(case.end(side).ip)) if echoes else None


def dropping_synacks(case: Case) -> Suspicion:
    """Who may have dropped a SYN-ACK, or the client's ACK, beyond the tap towards the client."""
    if case.vantage == "client":
        sure = case.scene.vantage.confidence >= SURE
        suspicion = Suspicion({"client-host": 1.0} if sure else {"client-host": 1.0, "client-network": 0.2})
        why = "the SYN-ACK is visible in this capture, taken on the client"
        for side in ("path", "server-network", "server-host", "server-app"):
            suspicion.rule_out(side, why)
        return suspicion
    sides = {"path": 1.0, "client-network": 1.5, "client-host": 1.5}
    if case.vantage != "middle":
        sides["server-network"] = 1.0 if case.vantage == "server" else 0.7
    suspicion = Suspicion(sides)
    suspicion.rule_out("server-app", "the server's kernel answers the SYN")
    suspicion.rule_out("server-host", "its SYN-ACK left")
    if case.vantage == "middle":
        suspicion.rule_out("server-network", "the SYN-ACK passed the tap on its way to the client")
    return suspicion


def beside(case: Case, suspicion: Suspicion) -> tuple[int, int, str]:
    """What other connections say about the suspects, as evidence at the first SYN; no frame when nothing."""
    said = list(dict.fromkeys(suspicion.reasons))
    client = case.client
    return (client.syn_frame if said else 0, client.syn_ns, f"other connections: {'; '.join(said)}")


def others(case: Case) -> str:
    """What other connections to the same port look like, for evidence; empty when there are none."""
    port = listener(case)
    if port.attempts_count < 2:
        return ""
    text = f"; {port.answered_count} of {port.attempts_count} connections to the port were answered"
    if port.answered_count and port.last_answer_ns < case.client.syn_ns:
        text += f", the last {seconds(case.client.syn_ns - port.last_answer_ns)} before this SYN"
    return text
