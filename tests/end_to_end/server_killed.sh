#!/usr/bin/env bash
# The server is killed while the program runs: the program gets an error, and no process of the server is left.
# shellcheck source=tests/end_to_end/stage.sh
. "$(dirname "$0")/stage.sh"
enter_stage "$@"

make_images steady
write_policy
issue_certificate 2>/dev/null
start_webhook
start_server
"$scene/api_server" pod "$scene/pytorch_deployment.yaml" steady 1000 50 >"$stage/pod.json"
admit "$stage/pod.json" "$stage/patched.json"
run_pod "$stage/patched.json" --deadline 40 --grace 1 >"$stage/log/pod" 2>&1 &
pod=$!
await 20 "the program's second step" grep -q '^step 2$' "$stage/log/app.log"
workers=$(pgrep -P "$server_pid") || fail "the server has no worker while a program runs"
kill -KILL "$server_pid"
wait "$server_pid" 2>/dev/null || true
killed=$SECONDS
code=0
wait $pod || code=$?
[ $code = 1 ] || fail "the program ended with $code, expected the 1 of its CUDA error: $(tail -n 3 "$stage/log/app.log")"
grep -q '^CUDA error at ' "$stage/log/app.log" || fail "no CUDA error"
[ $((SECONDS - killed)) -le 15 ] || fail "the error came only after $((SECONDS - killed)) s"
# shellcheck disable=SC2086
await 5 "the server's last worker is gone" bash -c '! kill -0 "$@"' left $workers
grep '^CUDA error at ' "$stage/log/app.log"
echo "no process of the server is left"
