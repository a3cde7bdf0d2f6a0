#!/usr/bin/env bash
# An app that is nobody: any user, no capabilities, nothing writable but its output. It reaches its sidecar all the same,
# two programs at once.
# shellcheck source=tests/end_to_end/stage.sh
. "$(dirname "$0")/stage.sh"
# Known only before the user namespace, in which everybody is root.
export started_by_root=${started_by_root:-$([ "$(id -u)" = 0 ] && echo yes || echo no)}
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
user=$(head -n 1 "$stage/log/app.log")
if [ "$user" != 12345 ]; then
  [ "$started_by_root" = no ] || fail "the app ran as user $user, not as 12345"
  echo "SKIPPED: without root the stage has one user alone, so the app was not user 12345 ($user)"
  exit 77
fi
echo "two programs of user $user came to their end"
