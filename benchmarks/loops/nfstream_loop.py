"""nfstream as its own documentation runs it: every flow built, one process metering."""

import sys

from nfstream import NFStreamer

if __name__ == "__main__":
    flows = NFStreamer(source=sys.argv[1], accounting_mode=0, n_dissections=0, n_meters=1)
    print(sum(1 for _ in flows))
