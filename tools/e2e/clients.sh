#!/usr/bin/env bash
# Real clients against `lagbag serve`: curl (JSON, binary, gzip), and Debian's python3-grpcio with python3-numpy (typed and raw contents, HPS).
# Needs a built package, curl, python3-grpcio and python3-numpy; installs the two with apt if they are missing and it may.
set -euo pipefail
cd "$(dirname "$0")/../.."

PYTHON=/usr/bin/python3
if ! "$PYTHON" -c 'import grpc, numpy' 2>/dev/null; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-grpcio python3-numpy
fi
folder="$(mktemp -d)"
pid=
cleanup() {
  [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT
"$PYTHON" tools/e2e/make-tables.py "$folder"

# start FOLDER: serves it on any free ports; sets rest, grpc and pid.
start() {
  node dist/cli/main.js serve --tables "$1" --port 0 --grpc-port 0 --metrics-port 0 --log-level warn >"$folder/out" &
  pid=$!
  for _ in $(seq 300); do
    grep -q ready "$folder/out" && break
    kill -0 "$pid" || { echo "the server ended"; exit 1; }
    sleep 0.1
  done
  rest="$(sed -n 's/^REST //p' "$folder/out")"
  grpc="$(sed -n 's/^gRPC //p' "$folder/out")"
}
stop() {
  kill -TERM "$pid"
  wait "$pid"
  pid=
}
expect() {
  case "$2" in
    *"$3"*) echo "$1: ok" ;;
    *) echo "$1: got $2, expected it to contain $3"; exit 1 ;;
  esac
}

start "$folder/models"
expect "curl health" "$(curl -sS "$rest/v2/health/ready")" '"ready":true'
json='{"inputs":[{"name":"INDICES","datatype":"INT64","shape":[2],"data":[0,3]},{"name":"LENGTHS","datatype":"INT32","shape":[2],"data":[1,1]}]}'
expect "curl JSON" "$(curl -sS -H 'Content-Type: application/json' -d "$json" "$rest/v2/models/dlrm/infer")" '"shape":[1,24]'
expect "curl gzip" "$(printf %s "$json" | gzip | curl -sS -H 'Content-Encoding: gzip' --data-binary @- "$rest/v2/models/dlrm/infer")" '"shape":[1,24]'
bad='{"inputs":[{"name":"INDICES","datatype":"INT64","shape":[1],"data":[1000]},{"name":"LENGTHS","datatype":"INT32","shape":[2],"data":[1,0]}]}'
expect "curl index out of range" "$(curl -sS -w '%{http_code}' -d "$bad" "$rest/v2/models/dlrm/infer")" 'got 1000, expected 0 <= index < 1000"}400'
head='{"inputs":[{"name":"INDICES","datatype":"INT64","shape":[2],"parameters":{"binary_data_size":16}},{"name":"LENGTHS","datatype":"INT32","shape":[2],"parameters":{"binary_data_size":8}}],"outputs":[{"name":"POOLED","parameters":{"binary_data":true}}]}'
printf '%s\0\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0' "$head" >"$folder/body"
curl -sS -D "$folder/head" -o "$folder/answer" -H "Inference-Header-Content-Length: ${#head}" --data-binary @"$folder/body" "$rest/v2/models/dlrm/infer"
size="$(tr -d '\r' <"$folder/head" | sed -n 's/^inference-header-content-length: //p')"
"$PYTHON" - "$folder" "$size" <<'PY'
import sys, numpy as np
folder, size = sys.argv[1], int(sys.argv[2])
got = np.frombuffer(open(f"{folder}/answer", "rb").read()[size:], "<f4")
wanted = np.concatenate([np.load(f"{folder}/check/users.npy")[0], np.load(f"{folder}/check/items.npy")[3]])
assert np.array_equal(got, wanted), (got, wanted)
print("curl binary: ok")
PY
"$PYTHON" tools/e2e/triton-client.py "$grpc" "$folder" pooled
stop

start "$folder/hps"
"$PYTHON" tools/e2e/triton-client.py "$grpc" "$folder" hps
stop
echo "clients: all ok"
