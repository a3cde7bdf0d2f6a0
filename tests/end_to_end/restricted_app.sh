#!/usr/bin/env bash
# An app that is nobody: any user, no capabilities, nothing writable but its output. It reaches its sidecar all the same,
# two programs at once.
# shellcheck source=tests/end_to_end/stage.sh
. "$(dirname "$0")/stage.sh"
enter_stage "$@"

make_images steady
write_policy
issue_certificate 2>/dev/null
start_webhook
start_server
"$scene/api_server" pod "$scene/pytorch_deployment.yaml" sh -c 'id -u; steady 20 10 & steady 20 10 & wait %1 && wait %2' |
  jq '.spec.containers[0].securityContext = {runAsUser: 12345, runAsGroup: 12345, runAsNonRoot: true, readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false, capabilities: {drop: ["ALL"]}}' >"$stage/pod.json"
admit "$stage/pod.json" "$stage/patched.json"
run_pod "$stage/patched.json" --deadline 60 --grace 2 >"$stage/log/pod" 2>&1 || fail "the pod ended with $?"
[ "$(grep -c '^steady to the end$' "$stage/log/app.log")" = 2 ] || fail "a program did not come to its end"
echo "two programs of user $(head -n 1 "$stage/log/app.log") came to their end"
