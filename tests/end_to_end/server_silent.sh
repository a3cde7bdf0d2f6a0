#!/usr/bin/env bash
# The server falls silent while the program runs, its processes frozen or the cable cut: the program is told within the
# limit of silence (30 s) and does not hang. server_silent.sh [freeze|cut]
# shellcheck source=tests/end_to_end/stage.sh
. "$(dirname "$0")/stage.sh"
enter_stage "$@"

# The workers bear another name than the server: they are its children.
freeze() { kill -STOP "$server_pid" $(pgrep -P "$server_pid"); }
cut() { "${on_gpu_node[@]}" ip link set gpu0 down; }

make_images steady
write_policy
issue_certificate 2>/dev/null
start_webhook
silence=${1:-freeze}
if [ "$silence" = cut ] && [ ${#pod_node[@]} = 0 ]; then echo "skipped: there is no cable to cut: $nodes"; exit 77; fi
start_server
"$scene/api_server" pod "$scene/pytorch_deployment.yaml" steady 10000 20 >"$stage/pod.json"
admit "$stage/pod.json" "$stage/patched.json"
run_pod "$stage/patched.json" --deadline 100 --grace 1 >"$stage/log/pod" 2>&1 &
pod=$!
await 20 "the program's second step" grep -q '^step 2$' "$stage/log/app.log"
began=$SECONDS code=0
$silence
wait $pod || code=$?
[ $code = 1 ] || fail "$silence: the program ended with $code, expected the 1 of its CUDA error"
[ $((SECONDS - began)) -le 45 ] || fail "$silence: the error came only after $((SECONDS - began)) s"
echo "$silence: after $((SECONDS - began)) s: $(grep '^CUDA error at ' "$stage/log/app.log")"
