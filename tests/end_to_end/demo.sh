#!/usr/bin/env bash
# make demo: an annotated pod in, a CUDA result out. The pod of the first source document goes through the running
# webhook; what comes back is executed as it is, against the GPU server with the software GPU. Exit 0 only when the
# program in the pod printed `Test PASSED`. Cleans up after itself: everything lives in a private world of the kernel's.
# shellcheck source=tests/end_to_end/stage.sh
. "$(dirname "$0")/stage.sh"
enter_stage "$@"

number=0
step() { number=$((number + 1)); printf '\n\033[1m%d. %s\033[0m\n' $number "$*"; }
[ -t 1 ] || step() { number=$((number + 1)); printf '\n%d. %s\n' $number "$*"; }
show() { sed 's/^/   /'; }

step "The stage"
echo "   $nodes"
make_images vectorAdd
write_policy

step "The pod: the PyTorch deployment of the first source document, as its controller posts it"
echo "   one change: its command 'sleep infinity' becomes 'vectorAdd', an unmodified program built by nvcc"
"$scene/api_server" pod "$scene/pytorch_deployment.yaml" vectorAdd >"$stage/pod.json"
"$scene/api_server" yaml "$stage/pod.json" | show

step "The webhook, with a certificate of its own"
issue_certificate 2>&1 | show
sed 's/^/   policy: /' "$stage/policy.yaml"
start_webhook
echo "   ready, says /readyz"

step "The AdmissionReview, over TLS, the name $webhook_name verified"
admit "$stage/pod.json" "$stage/patched.json"
echo "   sent $(stat -c %s "$stage/review.json") bytes, uid $(jq -r .request.uid "$stage/review.json"); came back $(stat -c %s "$stage/answer.json") bytes, uid $(jq -r .response.uid "$stage/answer.json"), allowed $(jq -r .response.allowed "$stage/answer.json"), $(jq length "$stage/patch.json") operations"
[ "$(jq -r .request.uid "$stage/review.json")" = "$(jq -r .response.uid "$stage/answer.json")" ] || fail "the answer is for another request"

step "What the patch changes, applied as the API server does"
"$scene/api_server" yaml "$stage/pod.json" >"$stage/before.yaml"
"$scene/api_server" yaml "$stage/patched.json" >"$stage/after.yaml"
diff -u --label pod --label 'pod, patched' "$stage/before.yaml" "$stage/after.yaml" | show || [ "${PIPESTATUS[0]}" = 1 ] || fail "diff"

step "The GPU server, on the GPU node"
echo "   $(server_command)"
start_server

step "The patched pod, on the CPU node: its commands, environment and mounts as they stand above"
run_pod "$stage/patched.json" --deadline 60 2>&1 | show || fail "the pod ended with ${PIPESTATUS[0]}"
grep -q '^Test PASSED$' "$stage/log/app.log" || fail "the program did not print 'Test PASSED'"

step "The server's account of the session"
await 5 "the session's end in the server's log" grep -q event=session_ended "$stage/log/server"
figures=$(grep -o 'calls=.*' <(grep event=session_ended "$stage/log/server" | tail -n 1))
echo "   $figures"
kill "$webhook_pid" "$server_pid"
wait "$webhook_pid" "$server_pid" || fail "the webhook or the server did not end well on SIGTERM"

printf '\nTest PASSED\n'
