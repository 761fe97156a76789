# synsight without root: docker run --rm -v "$PWD:/captures:ro" synsight analyze /captures/x.pcap
# Capturing needs two capabilities: docker run --rm --network host --cap-add NET_RAW --cap-add NET_ADMIN synsight capture ...

FROM python:3.12-slim-bookworm AS build
# Debian replaces versions when it fixes them, and then a pinned one is gone.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN python -m venv /opt/synsight \
    && /opt/synsight/bin/pip install --no-cache-dir . \
    && /opt/synsight/bin/pip uninstall --yes pip

FROM python:3.12-slim-bookworm
COPY --from=build /opt/synsight /opt/synsight
# A second interpreter, for capturing only, that may open interfaces. Where the container was not given the
# capabilities, a program that has them cannot even start, so nothing else uses it.
# hadolint ignore=DL3008,SC2016
RUN apt-get update \
    && apt-get install -y --no-install-recommends libcap2-bin \
    && cp --dereference /opt/synsight/bin/python /opt/synsight/bin/python-capture \
    && setcap cap_net_raw,cap_net_admin=ep /opt/synsight/bin/python-capture \
    && apt-get purge -y --auto-remove libcap2-bin \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 synsight \
    && printf '%s\n' '#!/bin/sh' \
        'case "${1:-}" in' \
        '    capture)' \
        '        if ! /opt/synsight/bin/python-capture -c "" 2>/dev/null; then' \
        '            echo "synsight: capturing needs docker run --cap-add NET_RAW --cap-add NET_ADMIN" >&2' \
        '            exit 2' \
        '        fi' \
        '        exec /opt/synsight/bin/python-capture -m synsight "$@" ;;' \
        '    *) exec /opt/synsight/bin/python -m synsight "$@" ;;' \
        'esac' > /usr/local/bin/synsight \
    && chmod 755 /usr/local/bin/synsight
USER 10001
WORKDIR /captures
ENV MPLCONFIGDIR=/tmp PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["/usr/local/bin/synsight"]
CMD ["--help"]
