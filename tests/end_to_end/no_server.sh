#!/usr/bin/env bash
# Without a server the program gets a CUDA error within 5 s and one line names the address: never a hang, never success.
# Once with a machine that refuses, once with an address that nobody answers.
# shellcheck source=tests/end_to_end/stage.sh
. "$(dirname "$0")/stage.sh"
enter_stage "$@"

make_images steady
issue_certificate 2>/dev/null
for address in "$server_address" 198.18.0.77; do
  write_policy "$address"
  start_webhook
  "$scene/api_server" pod "$scene/pytorch_deployment.yaml" sh -c 'date +%s%N; steady 3; code=$?; date +%s%N; exit $code' >"$stage/pod.json"
  admit "$stage/pod.json" "$stage/patched.json"
  kill "$webhook_pid"; wait "$webhook_pid" || fail "the webhook did not end well"
  code=0
  run_pod "$stage/patched.json" --deadline 40 --grace 1 || code=$?
  [ $code = 1 ] || fail "the program ended with $code, expected the 1 of its CUDA error"
  grep -q '^CUDA error at ' "$stage/log/app.log" || fail "no CUDA error"
  grep -q '^step ' "$stage/log/app.log" && fail "a step went well without a server"
  grep -qF "$address" "$stage/log/app.log" || fail "no line of the program's output names $address"
  elapsed_ms=$(awk '/^[0-9]+$/ { if (first) print int(($1 - first) / 1000000); first = $1 }' "$stage/log/app.log")
  [ "$elapsed_ms" -lt 5500 ] || fail "the error came after $elapsed_ms ms, expected within 5 s"
  echo "$address: $(grep '^CUDA error at ' "$stage/log/app.log") after $elapsed_ms ms"
done
