"""Which side dropped the TCP exchange, with the evidence.

>>> import synsight
>>> result = synsight.analyze("fixtures/lab/syn-dropped-by-server-host/server.pcap")
>>> result.incidents[0].code
'syn-unanswered'
"""

from .api import analyze

__all__ = ["__version__", "analyze"]
__version__ = "0.1.0"
