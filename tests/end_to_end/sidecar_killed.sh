#!/usr/bin/env bash
# The sidecar is killed while the program runs: the program goes on to its end, over the connections it has; the next
# program of the container finds the sidecar that was started instead.
# shellcheck source=tests/end_to_end/stage.sh
. "$(dirname "$0")/stage.sh"
enter_stage "$@"

make_images steady
write_policy
issue_certificate 2>/dev/null
start_webhook
start_server
"$scene/api_server" pod "$scene/pytorch_deployment.yaml" sh -c "steady 60 50 && steady 3" >"$stage/pod.json"
admit "$stage/pod.json" "$stage/patched.json"
code=0
run_pod "$stage/patched.json" --deadline 60 --grace 2 --kill "vcuda-client=step 5" >"$stage/log/pod" 2>&1 || code=$?
[ $code = 0 ] || fail "the program ended with $code: $(tail -n 3 "$stage/log/app.log")"
grep -q 'killing vcuda-client' "$stage/log/pod" || fail "the sidecar was not killed"
[ "$(grep -c '^steady to the end$' "$stage/log/app.log")" = 2 ] || fail "a program did not come to its end"
grep 'killing vcuda-client\|starting it again' "$stage/log/pod"
tail -n 1 "$stage/log/app.log"
