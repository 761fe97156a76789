"""The parts of the compiled loop. `analysis/_tracker.pyx` inlines them; none is a module of its own.

In reading order:

* `rows`: the four structs. `constants`: flags, states, events and bits by name, and every threshold.
* `sequence_numbers`: arithmetic modulo 2^32. `branchless`: choosing without a branch.
* `connection_table`: which connection a segment belongs to, when it opens another, who the client is.
* `first_sightings`: what is written down once (SYN, FIN, ICMP error), counters, the capture's own duplicates.
* `gaps`, `repeats`, `sequence_space`: where a segment lies in what its sender has sent.
* `acknowledgments`, `windows`: what it says about what the other end has sent.
* `resets`, `endpoint_states`: what it proves about its sender, and what is now on its way to the other end.
* `zeek_view`: the same connection in Zeek's words.
* `plain`: nearly all segments, in fewer steps. `prefetch`: asking for memory before it is needed.

Names used throughout: `s` the segment, `n` its NOTE row, `h` the HALF row of its sender, `p` the peer's,
`responder` whether Zeek would call the sender so, `cells` the packed `states.TABLE`. Functions make no Python
object, raise nothing and need no GIL. Their pointers come from `_tracker.pyx`, where every array is checked.
"""
