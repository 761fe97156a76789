"""A laboratory that makes captures with real kernel TCP stacks and injected faults.

    client --- firewall-c --- wire (tap in its middle) --- firewall-s --- server

Five network namespaces joined by veth pairs. Every scenario runs in namespaces of its own, captures at the
client, in the middle of the wire and at the server at once, and writes beside the captures what really
happened: the errno each program got, the state each kernel reported, the counters that moved. ``python -m
tests.lab --list`` names the scenarios.
"""
