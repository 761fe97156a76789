"""Ports that servers are known to listen on: only used to guess roles when no SYN was captured."""

from __future__ import annotations

import numpy as np

WELL_KNOWN = range(1, 1024)
REGISTERED = (
    1080, 1099, 1194, 1433, 1434, 1521, 1723, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3000, 3128,
    3268, 3269, 3306, 3389, 4222, 4369, 4443, 5000, 5060, 5061, 5222, 5269, 5432, 5601, 5671, 5672,
    5900, 5984, 5985, 5986, 6379, 6443, 6667, 7000, 7001, 7077, 7687, 8000, 8008, 8009, 8080, 8081,
    8086, 8088, 8091, 8125, 8140, 8200, 8300, 8301, 8302, 8443, 8500, 8554, 8883, 8888, 9000, 9042,
    9090, 9092, 9093, 9100, 9160, 9200, 9300, 9418, 9999, 10050, 10051, 10250, 11211, 15672, 25565, 26379,
    27017, 27018, 28015, 50000, 50051, 61613, 61616,
)  # fmt: skip


def service_table() -> np.ndarray:
    """uint8[65536]: 1 for a port that servers are known to listen on."""
    table = np.zeros(65536, dtype=np.uint8)
    table[list(WELL_KNOWN)] = 1
    table[list(REGISTERED)] = 1
    return table
