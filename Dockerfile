# One image for every process: `remedy` is the entry point, and what follows says which one (run receiver, run worker, run console).
# BASE is an argument so that a mirror, or a base that was made without a registry, can take its place. It must have
# Python 3.11 to 3.14 as python3, and apt-get.
ARG BASE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python3 -m venv /opt/remedy \
 && /opt/remedy/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-input \
    --require-hashes --use-pep517 --requirement requirements.lock
COPY remedy/ remedy/
COPY console/ console/
COPY receiver/ receiver/
COPY remediation/ remediation/
COPY sandbox/ sandbox/
COPY workers/ workers/
RUN /opt/remedy/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-input \
    --no-deps --no-build-isolation . \
 && /opt/remedy/bin/python -m pip uninstall --yes setuptools pip

FROM ${BASE}
# libmagic1: pysnow imports it. Versions come with the base, which is what a digest or a mirror pins.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates libmagic1 \
 && rm -rf /var/lib/apt/lists/* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip \
    /usr/local/bin/pip* /usr/lib/python3*/ensurepip \
 && groupadd --gid 10001 remedy \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin remedy \
 && install --directory /etc/remedy \
 && install --directory --owner 10001 --group 0 --mode 0770 /var/lib/remedy
COPY --from=build /opt/remedy /opt/remedy
ENV PATH=/opt/remedy/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MAPPINGS_PATH=/etc/remedy/mappings.yaml \
    DATA_DIR=/var/lib/remedy \
    RECEIVER_HOST=0.0.0.0 \
    METRICS_HOST=0.0.0.0 \
    WORKER_HOST=0.0.0.0 \
    CONSOLE_HOST=0.0.0.0 \
    CONSOLE_METRICS_HOST=0.0.0.0
LABEL org.opencontainers.image.title="remedy" \
      org.opencontainers.image.description="Exposed student data gets fixed: SchoolScan's findings to ServiceNow and Jira, and back" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080 8081 9090 9091 9092
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=6 \
  CMD ["python3", "-m", "remedy.runtime.http.alive"]
ENTRYPOINT ["remedy"]
CMD ["--help"]
