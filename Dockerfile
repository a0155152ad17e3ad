# One image for all services: docker run issuary:dev python -m services billing
# `production` is the last stage and the default; `demo` adds the DNS server, the demo account and `make demo`.

FROM python:3.11-slim AS build
RUN apt-get update -qq && apt-get install -qq --no-install-recommends binutils >/dev/null && python -m venv --without-pip /opt/venv
COPY requirements.lock /build/
# What no service runs goes before it becomes a layer: the packages' own tests, type stubs, C sources, symbols.
RUN pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check --root-user-action=ignore \
        --require-hashes --only-binary :all: -r /build/requirements.lock \
 && find /opt/venv -depth \( -type d \( -name tests -o -name testing -path '*/site-packages/sqlalchemy/*' \) \
        -o -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' \) \) -exec rm -rf {} + \
 && find /opt/venv -name '*.so' -exec strip --strip-unneeded {} +
# Compiled here, because a read-only root file system lets nobody compile later.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv
WORKDIR /app
COPY alembic.ini ./
COPY docs/catalogue.toml docs/
COPY deploy/live.py deploy/
COPY shared shared
COPY services services
RUN mv shared/devstack /build/devstack && python -m compileall -q -j 0 --invalidation-mode unchecked-hash .

FROM python:3.11-slim AS base
RUN find / -xdev -depth \( -path '*/python3*/*-packages/*' -a \( -name pip -o -name 'pip-*' -o -name setuptools \
        -o -name 'setuptools-*' -o -name wheel -o -name 'wheel-*' -o -name pkg_resources \) \
        -o -path '*/python3*/ensurepip' -o -path '*/bin/*' -name 'pip*' \) -exec rm -rf {} + \
 && groupadd --system --gid 10001 issuary && useradd --system --uid 10001 --gid issuary --home-dir /app --shell /usr/sbin/nologin issuary
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ISSUARY_LISTEN=0.0.0.0 PORT=8080
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
USER issuary
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-I", "-S", "deploy/live.py"]
CMD ["python", "-m", "services"]

FROM base AS demo
USER root
RUN mkdir -m 700 /data && chown issuary:issuary /data
COPY --from=build /build/devstack /app/shared/devstack
COPY demo /app/demo
USER issuary
HEALTHCHECK NONE
CMD ["python", "-m", "demo.containers"]

FROM base AS production
ARG VERSION=unknown
ENV ISSUARY_VERSION=$VERSION
