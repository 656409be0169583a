# One image for both: CMD serves the web; "bin/worker" runs a worker, which has no port to ask
# (--no-healthcheck: its heartbeat is in the database).
# Nothing secret is in it: every setting comes from the environment, see .env.example.
FROM python:3.11-slim AS packages
WORKDIR /app
COPY requirements.txt .
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
       --require-hashes -r requirements.txt

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=8000 STATIC_ROOT=/app/staticfiles \
    DATABASE_URL=sqlite:////data/portal.sqlite3 MEDIA_ROOT=/data/media
RUN groupadd --gid 10001 portal \
    && useradd --uid 10001 --gid portal --no-create-home --home-dir /nonexistent portal \
    && install -d -o portal -g portal /data /data/media
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY . .
# Collected while building, with settings that exist for this one command only.
RUN SECRET_KEY=build CALLBACK_SIGNING_KEYS=only-while-building MIDSYNC_API_KEY=build \
    MIDSYNC_BASE_URL=https://midsync.invalid PORTAL_URL=https://portal.invalid TRUSTED_PROXIES=1 \
    DATABASE_URL=sqlite:////tmp/build.sqlite3 \
    python manage.py collectstatic --no-input --verbosity 0 \
    && rm -f /tmp/build.sqlite3*
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; line = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=2); line.request('GET', '/healthz'); sys.exit(line.getresponse().status != 200)"]
CMD ["bin/web"]
