#!/usr/bin/env bash
# Without a server the program gets a CUDA error within 5 s and one line names the address: never a hang, never success.
# With a sidecar and without one; once with a machine that refuses, once with an address that nobody answers. A native
# sidecar keeps the pod from starting instead, and says why.
# shellcheck source=tests/end_to_end/stage.sh
. "$(dirname "$0")/stage.sh"
enter_stage "$@"

make_images steady
issue_certificate 2>/dev/null

# patched ADDRESS SIDECAR: the pod as the webhook leaves it under that policy and annotation.
patched() {
  write_policy "$1"
  start_webhook
  "$scene/api_server" pod "$scene/pytorch_deployment.yaml" sh -c 'date +%s%N; steady 3; code=$?; date +%s%N; exit $code' |
    jq --arg mode "$2" '.metadata.annotations["tensor-fusion.ai/sidecar"] = $mode' >"$stage/pod.json"
  admit "$stage/pod.json" "$stage/patched.json"
  kill "$webhook_pid"
  wait "$webhook_pid" || fail "the webhook did not end well"
}

# errs ADDRESS SIDECAR: the program comes to its error in time.
errs() {
  local code=0 elapsed_ms
  patched "$1" "$2"
  run_pod "$stage/patched.json" --deadline 40 --grace 1 >"$stage/log/pod" 2>&1 || code=$?
  [ $code = 1 ] || fail "the program ended with $code, expected the 1 of its CUDA error"
  grep -q '^CUDA error at ' "$stage/log/app.log" || fail "no CUDA error"
  grep -q '^step ' "$stage/log/app.log" && fail "a step went well without a server"
  grep -qF "$1" "$stage/log/app.log" || fail "no line of the program's output names $1"
  elapsed_ms=$(awk '/^[0-9]+$/ { if (first) print int(($1 - first) / 1000000); first = $1 }' "$stage/log/app.log")
  [ "$elapsed_ms" -lt 5500 ] || fail "the error came after $elapsed_ms ms, expected within 5 s"
  echo "$1, sidecar $2, after $elapsed_ms ms:"
  grep -v '^[0-9]*$' "$stage/log/app.log"
}

errs "$server_address" none
errs "$server_address" classic
if [ ${#pod_node[@]} -gt 0 ]; then
  errs 198.18.0.77 none
  # Packets to this one arrive at a machine that drops them: nothing ever answers, not even an error.
  "${on_cpu_node[@]}" ip neigh add 198.18.0.78 dev cpu0 nud permanent \
    lladdr "$("${on_gpu_node[@]}" ip -j link show gpu0 | jq -r '.[0].address')"
  errs 198.18.0.78 none
  errs 198.18.0.78 classic
fi

patched "$server_address" native
code=0
run_pod "$stage/patched.json" --deadline 3 --grace 1 >"$stage/log/pod" 2>&1 || code=$?
[ $code != 0 ] && ! grep -q '^step ' "$stage/log/app.log" || fail "the app ran without a server"
grep -F "$server_address" "$stage/log/pod" | grep 'not ready' | head -n 1 || fail "nobody says that the server does not answer"
