"""The parts of the decoder. `capture/_decode.pyx` inlines them; none is a module of its own.

In reading order:

* `loads`: big-endian numbers. `walk`: where a walk through one frame stands, skip reasons, what a layer hands on.
* `links`: the outermost header, by link type. `shims`: Ethernet, its tags, LLC, MPLS, PPP, ARP.
* `internet`: IPv4, IPv6, extension headers. `tunnels`: packets inside packets. `stack`: from layer to layer.
* `tcp`, `icmp`: from a transport header to a finished row. `checksum`, `flow_hash`: what they compute.
* `plain`: the frame that almost every frame is, in one step.

The walk leaves a row whose payload fields describe the whole transport part, which `tcp` narrows to the TCP payload:

* `payload_offset`: first byte of the transport header in the buffer;
* `payload_captured_bytes`: bytes of it that the buffer holds;
* `payload_bytes`: bytes of it on the wire, by the innermost IP length;
* `icmp_type`: 0 for TCP, else the IP protocol number (1, 58), or 255 for a row that is finished;
* `checksum`: 1 when the addresses in the IP header are the ones the TCP checksum covers.

Functions make no Python object, raise nothing and need no GIL.
"""
