"""What a program with dpkt does at least: every frame parsed, segments counted per connection."""

import sys
from collections import Counter

import dpkt

connections: Counter[tuple[bytes, bytes, int, int]] = Counter()
with open(sys.argv[1], "rb") as capture:
    for _, frame in dpkt.pcap.UniversalReader(capture):
        packet = dpkt.ethernet.Ethernet(frame).data
        if isinstance(packet.data, dpkt.tcp.TCP):
            connections[packet.src, packet.dst, packet.data.sport, packet.data.dport] += 1
print(len(connections), sum(connections.values()))
