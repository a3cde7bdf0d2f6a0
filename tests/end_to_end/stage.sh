# shellcheck shell=bash disable=SC2034
# The stage the scenarios play on: a private world (mounts, processes, network) that the kernel takes down with the
# script, two nodes in it, the programs of one build. Sourced: `. stage.sh; enter_stage "$@"`. Knows no scenario.
set -euo pipefail

scene=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${VCUDA_BUILD:-$scene/../../build/dev}
stage=/run/vcuda-stage         # a tmpfs of our own: nothing of it is on the machine's disk
webhook_name=vcuda-webhook.vcuda.svc
webhook_port=8443 status_port=8080
client_image=vcuda-client:stage
app_image=pytorch/pytorch:2.3.1-cuda12.1-cudnn8-runtime

fail() { echo "FAILED: $*" >&2; exit 1; }

# Runs the script again inside the private world. Without root a user namespace is made for it, with one user in it.
enter_stage() {
  if [ "${VCUDA_STAGE:-}" = inside ]; then set_stage; return; fi
  local flags=(--mount --net --ipc --pid --fork --kill-child --mount-proc) problem
  [ "$(id -u)" = 0 ] || flags+=(--user --map-root-user)
  problem=$(unshare "${flags[@]}" true 2>&1) ||
    fail "this machine does not let user $(id -un) make namespaces, in which the pod has to run: $problem. Run it as root, or in a container with --privileged."
  VCUDA_STAGE=inside exec unshare "${flags[@]}" -- "$0" "$@"
}

set_stage() {
  trap 'echo "interrupted" >&2; exit 130' INT TERM HUP
  trap 'report_failure $?' EXIT
  mount -t tmpfs -o mode=0755,size=2g stage /run
  mkdir -p "$stage/log" "$stage/images"
  export TMPDIR=$stage
  ip link set lo up
  join_nodes
}

# What the programs said, when something went wrong.
report_failure() {
  [ "$1" != 0 ] && [ "$1" != 77 ] || return 0
  local log
  for log in "$stage"/log/*; do
    [ -s "$log" ] || continue
    echo "--- $(basename "$log"), its last lines" >&2
    tail -n 20 "$log" >&2
  done
}

# Two network namespaces joined by a cable; where the kernel has none, one network with the server on loopback.
# 198.18.0.0/15 is set aside for tests between devices (RFC 2544).
join_nodes() {
  if { ip netns add cpu-node && ip netns add gpu-node && ip link add cpu0 netns cpu-node type veth peer name gpu0 netns gpu-node; } 2>"$stage/log/network"; then
    nodes="two network namespaces, cpu-node (198.18.0.1) and gpu-node (198.18.0.2), joined by a veth"
    server_address=198.18.0.2
    on_cpu_node=(nsenter --net=/run/netns/cpu-node) on_gpu_node=(nsenter --net=/run/netns/gpu-node) pod_node=(--netns cpu-node)
    local node
    for node in "cpu 1" "gpu 2"; do
      set -- $node
      nsenter --net="/run/netns/$1-node" ip link set lo up
      nsenter --net="/run/netns/$1-node" ip address add "198.18.0.$2/24" dev "${1}0"
      nsenter --net="/run/netns/$1-node" ip link set "${1}0" up
    done
  else
    nodes="one network, the server on loopback: this kernel gives no veth ($(tail -n 1 "$stage/log/network"))"
    server_address=127.0.0.1
    on_cpu_node=() on_gpu_node=() pod_node=()
  fi
  rm -f "$stage/log/network"
}

# await SECONDS WHAT COMMAND...: until the command succeeds.
await() {
  local seconds=$1 what=$2 until; shift 2
  until=$((SECONDS + seconds))
  while ! "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt "$until" ] || fail "$what: not within $seconds s"
    sleep 0.05
  done
}

program() { [ -x "$build/bin/$1" ] || fail "$build/bin/$1 is not built: tests/build dev all"; echo "$build/bin/$1"; }
library() { [ -f "$build/lib/$1" ] || fail "$build/lib/$1 is not built: tests/build dev all"; echo "$build/lib/$1"; }

# The images' contents as folders: the libraries and the sidecar for the client's, and an app's own programs.
make_images() {
  local client=$stage/images/client app=$stage/images/app name
  mkdir -p "$client/lib/vcuda" "$client/usr/local/bin" "$app/usr/local/bin" "$app/usr/local/lib"
  cp "$(library libvcuda.so)" "$(library libutilities.so)" "$client/lib/vcuda/"
  cp "$(library libvcuda.so)" "$client/lib/vcuda/official.libcuda.so.1"
  cp "$(program vcuda-client)" "$client/usr/local/bin/"
  for name in "$@"; do cp "$(program "$name")" "$app/usr/local/bin/"; done
}

# write_policy [SERVER]
write_policy() {
  cat >"$stage/policy.yaml" <<END
server: ${1:-$server_address}
image: $client_image
clusterVersion: "1.30"
END
}

issue_certificate() {
  "$(program vcuda-certs)" issue --out "$stage/certs" --service vcuda-webhook --namespace vcuda >"$stage/ca_bundle"
}

start_webhook() {
  "$(program vcuda-webhook)" --listen "127.0.0.1:$webhook_port" --status-listen "127.0.0.1:$status_port" --drain-delay 0 \
    --policy "$stage/policy.yaml" --tls-cert "$stage/certs/tls.crt" --tls-key "$stage/certs/tls.key" >"$stage/log/webhook" 2>&1 &
  webhook_pid=$!
  await 10 "the webhook is ready" curl -fs "http://127.0.0.1:$status_port/readyz"
}

# post FILE: sends it as the API server would and prints the answer's body; HTTP status in $stage/status.
post() {
  curl -sS --max-time 10 --cacert "$stage/certs/ca.crt" --resolve "$webhook_name:$webhook_port:127.0.0.1" \
    -H 'Content-Type: application/json' --data-binary "@$1" -w '%{stderr}%{http_code}' \
    "https://$webhook_name:$webhook_port/mutate?timeout=5s" 2>"$stage/status"
}

# The seed's own command line; what the seed does not have is named after it.
server_command() { echo "vcuda -n native -s 9997 -r 9998 -p 9999 --driver=$(library libsoftgpu.so)"; }

start_server() {
  local words; read -ra words <<<"$(server_command)"
  "${on_gpu_node[@]}" "$(program vcuda)" "${words[@]:1}" >"$stage/log/server" 2>&1 &
  server_pid=$!
  await 10 "the server listens" "${on_gpu_node[@]}" bash -c "exec 3<>/dev/tcp/$server_address/9999"
}

# admit POD.json PATCHED.json: through the webhook, over TLS.
admit() {
  "$scene/api_server" review "$1" >"$stage/review.json"
  post "$stage/review.json" >"$stage/answer.json"
  [ "$(cat "$stage/status")" = 200 ] || fail "the webhook answered with status $(cat "$stage/status"): $(cat "$stage/answer.json")"
  "$scene/api_server" patch "$stage/answer.json" >"$stage/patch.json"
  "$scene/api_server" apply "$1" "$stage/patch.json" >"$2"
}

# run_pod POD.json OPTION...: executes it on the CPU node.
run_pod() {
  "$scene/run_pod" "$1" "${pod_node[@]}" --image "$client_image=$stage/images/client" --image "$app_image=$stage/images/app" \
    --logs "$stage/log" "${@:2}"
}

# Names every process of the stage but this script, its children that ask, and what was started to stay.
others() { ps -eo pid=,ppid=,args= | awk -v self=$$ '$1 != self && $2 != 0 && !/ps -eo|awk -v self/'; }
