# The model server with its models: `--target cpu`, the server of PyTriton's wheel, as `make up` runs it; `--target gpu`, NVIDIA's own.
ARG PYTHON=docker.io/library/python:3.11.14-slim-bookworm
# With the backends for ONNX Runtime, TensorRT and Python.
ARG NVIDIA=nvcr.io/nvidia/tritonserver:25.03-py3

FROM ${PYTHON} AS tools
WORKDIR /opt/darkroom
# As in services.Dockerfile, so that this step is done once for both.
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/main.txt requirements/node.txt requirements/
RUN --mount=type=secret,id=authorities,target=/etc/ssl/certs/ca-certificates.crt --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3.11 -m venv /opt/tools \
    && /opt/tools/bin/pip install --quiet --no-compile --require-hashes -r requirements/main.txt -r requirements/node.txt

FROM tools AS models
# What the models run on (`cpu`, `cuda`, `cuda-onnxruntime`, `cuda-tensorrt`), and which: the sets of models/README.md.
ARG PLATFORM=cpu
ARG SET=default
COPY models models
RUN --mount=type=secret,id=authorities,target=/etc/ssl/certs/ca-certificates.crt --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/tools/bin/python -m models install --platform "${PLATFORM}" --set "${SET}" --dest /models --cache /tmp/downloads \
    && rm -r /tmp/downloads

FROM tools AS wheel
COPY requirements/triton.txt requirements/
# Times of whole seconds survive in an image: the server's folder of backends is named after them.
RUN --mount=type=secret,id=authorities,target=/etc/ssl/certs/ca-certificates.crt --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3.11 -m venv --without-pip .venv-triton \
    && /opt/tools/bin/pip --python .venv-triton/bin/python install --quiet --no-compile --no-deps --require-hashes -r requirements/triton.txt \
    && find .venv-triton -name '*.so*' -o -name triton_python_backend_stub | xargs touch --date=2000-01-01
COPY models models
RUN .venv-triton/bin/python -c 'from pathlib import Path; from models.triton_environment import prepare; prepare(Path(".venv-triton"))' \
    && rm -rf models/strokes models/paint .venv-triton/include .venv-triton/lib/python3.11/site-packages/pytriton/tritonserver/python_backend_stubs/3.[!1]* \
    && .venv-triton/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash models .venv-triton

FROM ${PYTHON} AS cpu
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin darkroom \
    && rm -rf /usr/local/lib/python3.11/ensurepip /usr/local/lib/python3.11/site-packages /usr/local/bin/pip* \
    && find / -xdev -type f -perm /6000 -exec chmod a-s '{}' +
COPY --from=models /models /models
COPY --from=wheel /opt/darkroom/.venv-triton /opt/darkroom/.venv-triton
COPY --from=wheel /opt/darkroom/models /opt/darkroom/models
COPY deploy/images/triton-ready /usr/local/bin/triton-ready
WORKDIR /opt/darkroom
ENV PATH=/opt/darkroom/.venv-triton/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK NONE
ENTRYPOINT ["python", "-m", "models.serve", "--repository=/models", "--venv=.venv-triton", "--sockets=/tmp"]
CMD ["--grpc-address=0.0.0.0:8001", "--tls-dir=/etc/darkroom/tls", "--metrics-host=0.0.0.0", "--metrics-port=8002"]
# Last, since they are others each time.
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Darkroom Triton (CPU)" \
      org.opencontainers.image.description="Triton with Darkroom's models, on a CPU" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM ${NVIDIA} AS gpu
# TensorRT's engines, which its first start builds, are kept there: mount a volume.
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin darkroom \
    && install -d -m 0700 -o darkroom -g darkroom /var/cache/triton/tensorrt
COPY --from=models /models /models
COPY deploy/images/triton-ready /usr/local/bin/triton-ready
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK NONE
ENTRYPOINT ["tritonserver"]
# The options of models/serve.py. The models' own processes of the Python backend are not here: `cuda-onnxruntime` and `cuda-tensorrt` have none.
CMD ["--model-repository=/models", "--model-control-mode=explicit", "--load-model=*", "--exit-on-error=true", "--strict-readiness=true", \
     "--disable-auto-complete-config", "--exit-timeout-secs=10", \
     "--grpc-address=0.0.0.0", "--grpc-port=8001", "--grpc-use-ssl=1", "--grpc-use-ssl-mutual=1", \
     "--grpc-root-cert=/etc/darkroom/tls/ca.crt", "--grpc-server-cert=/etc/darkroom/tls/tls.crt", "--grpc-server-key=/etc/darkroom/tls/tls.key", \
     "--http-address=unix:/tmp/triton-http.sock", "--http-port=1", "--metrics-address=0.0.0.0", "--metrics-port=8002"]
# Last, since they are others each time.
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Darkroom Triton (GPU)" \
      org.opencontainers.image.description="NVIDIA's Triton with Darkroom's models" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
