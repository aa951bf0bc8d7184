# lagbag serve in a container: docker build -t lagbag . ; then
#   docker run -p 8000:8000 -p 8001:8001 -p 8002:8002 -v "$PWD/tables:/tables:ro" -v "$PWD/token:/run/secrets/lagbag-token:ro" \
#     -v "$PWD/tls:/tls:ro" lagbag --tables /tables --host 0.0.0.0 --tls-cert /tls/cert.pem --tls-key /tls/key.pem --token-file /run/secrets/lagbag-token
# Behind something that ends TLS and checks tokens: docker run ... lagbag --tables /tables --host 0.0.0.0 --insecure
# docs/docker.md has the probes of Kubernetes.

# Node 24 has WebAssembly multi-memory: up to 4 GiB of rows a rank, where Node 20 has 4 GiB in all.
ARG NODE=24-bookworm-slim

FROM node:${NODE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm pack --silent --pack-destination /tmp && mv /tmp/lagbag-*.tgz /tmp/lagbag.tgz

# Installed from the package that is published, with the versions of the lockfile and without what only builds and tests need.
FROM node:${NODE} AS install
WORKDIR /opt/lagbag
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
COPY --from=build /tmp/lagbag.tgz /tmp/
RUN tar --extract --gzip --file /tmp/lagbag.tgz --strip-components 1

FROM node:${NODE}
ENV NODE_ENV=production
COPY --from=install --chown=root:root /opt/lagbag /opt/lagbag
# The image's own user without rights; tables are mounted read-only.
USER node
WORKDIR /tables
# REST, gRPC, Prometheus: as Triton has them.
EXPOSE 8000 8001 8002
# Alive, not ready: a server that still reads its tables must not be restarted. Plain HTTP on port 8000; with TLS or another port, say
# --health-cmd or --no-healthcheck (docs/docker.md).
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "--eval", "fetch('http://127.0.0.1:8000/v2/health/live').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# SIGTERM drains: running requests are answered, new ones refused, then it exits with 0.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/opt/lagbag/dist/cli/main.js", "serve"]
