"""Expectations: what a capture should show, written down beside it.

    other_findings = "info"        # what no [[finding]] names may be at most this severe

    [totals]
    retransmissions = "< 1 %"

    [[finding]]                    # must be there
    code = "syn-unanswered"
    side = "server-app"
    server = "10.0.2.2:8080"

    [[no_finding]]                 # must not be there
    severity = ">= warning"
    client = "10.0.9.0/24"

    [[flow]]                       # holds for every connection that it picks
    server_port = 5432
    outcome = "completed"
    handshake_ms = "< 50"

`reading.read` turns the text into `Expectations`, `holding.hold` holds an analysis to them, `writing` makes
the text. None of them opens a file.
"""
