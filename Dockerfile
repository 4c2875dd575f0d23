# Two stages: wheels are built and files collected in the first, the second holds neither compiler nor pip cache.
ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.txt ./
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt
COPY manage.py ./
COPY atoosync atoosync
COPY scheduler scheduler
COPY sync sync
COPY billing billing
COPY profiles profiles
COPY connectors connectors
COPY templates templates
COPY static static
COPY locale locale
# collectstatic needs settings, not services: the embedded mode makes throw-away keys in a throw-away folder.
RUN DATA=$(mktemp -d) \
    && ATOOSYNC_MODE=embedded ATOOSYNC_DATA=$DATA STATIC_ROOT=/app/staticfiles STATIC_MANIFEST=1 \
       /venv/bin/python manage.py collectstatic --noinput \
    && rm -rf "$DATA" \
    && /venv/bin/python -m compileall -q /app /venv/lib

FROM python:${PYTHON}-slim
# The ODBC manager with drivers for PostgreSQL and SQLite; the driver of an ERP is added in a derived image.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends unixodbc odbc-postgresql libsqliteodbc \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /data --shell /usr/sbin/nologin atoosync \
    && chmod 700 /data
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    DJANGO_SETTINGS_MODULE=atoosync.settings \
    ATOOSYNC_MODE=production \
    ATOOSYNC_DATA=/data
USER 10001
VOLUME /data
EXPOSE 8000
# The image runs the web server by default; workers and beat replace the command and this check in the Compose file.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 CMD ["python", "-m", "atoosync.probe_client", "web"]
CMD ["python", "manage.py", "web", "--host", "0.0.0.0", "--port", "8000"]
