"""How long cut frames were on the wire, for captures that do not say.

pcapy-ng's batches tell captured lengths only. An IP header tells how long its packet was: frames cut by the
snap length get that length back, so that Wireshark takes them for cut and not for malformed. Padding,
trailers, and what is no IP stay unknown. Sources: RFC 791 section 3.1, RFC 8200 section 3.
"""

from __future__ import annotations

import numpy as np

_ETHERNET, _LINUX_SLL = 1, 113
_NETWORK_AT = {_ETHERNET: 14, _LINUX_SLL: 16}
"""Link type -> where the network header begins, after two bytes that tell its EtherType."""

_RAW = 101
_VLAN_TYPES, _IPV4, _IPV6 = (0x8100, 0x88A8), 0x0800, 0x86DD
_IPV6_HEADER_BYTES = 40
_SNAPLEN_LEAST = 32
"""Both lengths lie within so many bytes, behind two VLAN tags, too."""


def restore(data: np.ndarray, frames: np.ndarray, snaplen: int) -> None:
    """Set `wire_bytes` of those FRAME rows over `data`, all of one link type, that were cut at `snaplen`."""
    cut = np.flatnonzero(frames["captured_bytes"] >= snaplen)
    if not len(cut) or snaplen < _SNAPLEN_LEAST:
        return
    link_type = int(frames["link_type"][0])
    begins = frames["offset"][cut].astype(np.int64)
    if link_type == _RAW:
        network = np.zeros(len(cut), np.int64)
        version = data[begins] >> 4
        kind = np.where(version == 4, _IPV4, np.where(version == 6, _IPV6, 0))
    elif link_type in _NETWORK_AT:
        network = np.full(len(cut), _NETWORK_AT[link_type])
        for _ in range(2 if link_type == _ETHERNET else 0):
            network += 4 * np.isin(_word(data, begins + network - 2), _VLAN_TYPES)
        kind = _word(data, begins + network - 2)
    else:
        return
    at = begins + network
    length = np.where(kind == _IPV4, _word(data, at + 2), 0)
    length += np.where(kind == _IPV6, _word(data, at + 4) + _IPV6_HEADER_BYTES, 0)
    frames["wire_bytes"][cut] = np.maximum(network + length, frames["captured_bytes"][cut])


def _word(data: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Two bytes in network order at each place."""
    return data[at].astype(np.int64) << 8 | data[at + 1]
