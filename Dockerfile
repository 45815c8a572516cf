# remixd in a container: docker build -t remixd . && docker run --shm-size=1g -v remixd:/var/lib/remixd \
#   --cap-add SYS_NICE --ulimit rtprio=70 --ulimit memlock=1073741824 --network host remixd
#
# --shm-size: sessions live in /dev/shm, of which Docker gives 64 MB (a session takes about 1 MB; what plays is
# mapped from the cache and does not count). --ulimit: without them audio threads run as everybody else, and what
# they touch may be paged out; both are told at the start. --network host: the daemon serves this machine only
# (127.0.0.1) until tokens and TLS are configured, and a container has a machine of its own otherwise.

FROM python:3.11-slim-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends build-essential libfftw3-dev pkg-config portaudio19-dev \
 && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/remixd
ENV PATH=/opt/remixd/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# An older CPU than x86-64-v3 (Haswell) needs: docker build --build-arg SIMD=baseline
ARG SIMD=x86-64-v3
ENV REMIXD_SIMD=$SIMD
WORKDIR /src
COPY . .
RUN pip install ".[otel]"

FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends libfftw3-single3 libportaudio2 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --home-dir /var/lib/remixd --groups audio remixd
COPY --from=build /opt/remixd /opt/remixd
ENV PATH=/opt/remixd/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    REMIXD_LIBRARY=/var/lib/remixd/library \
    REMIXD_STATE=/var/lib/remixd/state
USER remixd
VOLUME /var/lib/remixd
EXPOSE 7400 7401
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7401/healthz', timeout=2)"]
ENTRYPOINT ["remixd"]
CMD ["serve"]
