"""Link-layer types: their numbers in captures and their names.

The numbers are the LINKTYPE_ values of https://www.tcpdump.org/linktypes.html; a few captures carry the
writing system's own DLT_ number instead, which the table lists too. Names are without the LINKTYPE_ prefix.
"""

from __future__ import annotations

NAMES: dict[int, str] = {
    0: "NULL",
    1: "EN10MB",
    6: "IEEE802",
    8: "SLIP",
    9: "PPP",
    10: "FDDI",
    12: "RAW",
    14: "RAW",
    50: "PPP_SERIAL",
    51: "PPP_ETHER",
    100: "ATM_RFC1483",
    101: "RAW",
    104: "C_HDLC",
    105: "IEEE802_11",
    107: "FRELAY",
    108: "LOOP",
    109: "ENC",
    113: "LINUX_SLL",
    117: "PFLOG",
    119: "PRISM_HEADER",
    127: "IEEE802_11_RADIO",
    138: "APPLE_IP_OVER_IEEE1394",
    163: "IEEE802_11_RADIO_AVS",
    166: "PPP_PPPD",
    178: "JUNIPER_ETHER",
    189: "USB_LINUX",
    192: "PPI",
    197: "ERF",
    220: "USB_LINUX_MMAPPED",
    226: "IPNET",
    228: "IPV4",
    229: "IPV6",
    239: "NFLOG",
    240: "NETANALYZER",
    242: "IPOIB",
    249: "USBPCAP",
    253: "NETLINK",
    258: "PKTAP",
    259: "EPON",
    274: "ETHERNET_MPACKET",
    276: "LINUX_SLL2",
}
"""Number to name. Numbers not listed are still read; their frames are counted as `unknown-link-type`."""


DLT_NUMBERS: dict[int, int] = {100: 11, 101: 12, 106: 19}
"""LINKTYPE_ numbers whose DLT_ number, which libpcap itself uses, is another one on Linux."""


def link_type_of(dlt: int) -> int:
    """The LINKTYPE_ number, as files have it, of a DLT_ number of libpcap's.

    >>> link_type_of(12), link_type_of(1)
    (101, 1)
    """
    return next((link_type for link_type, own in DLT_NUMBERS.items() if own == dlt), dlt)


def link_name(number: int) -> str:
    """The name of a link type, or `LINKTYPE_<number>` when it has none here.

    >>> link_name(1), link_name(9999)
    ('EN10MB', 'LINKTYPE_9999')
    """
    return NAMES.get(number, f"LINKTYPE_{number}")
