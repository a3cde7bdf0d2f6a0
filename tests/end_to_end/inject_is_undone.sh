#!/usr/bin/env bash
# The command line: a second inject changes nothing, undo gives the original back, byte for byte; webhook and command
# line give the same pod.
# shellcheck source=tests/end_to_end/stage.sh
. "$(dirname "$0")/stage.sh"
enter_stage "$@"
write_policy
inject=("$(program vcuda-inject)" --policy "$stage/policy.yaml")

original=$scene/pytorch_deployment.yaml
"${inject[@]}" -f "$original" >"$stage/once.yaml" 2>"$stage/log/inject"
cmp -s "$original" "$stage/once.yaml" && fail "the first inject changed nothing"
"${inject[@]}" -f "$stage/once.yaml" >"$stage/twice.yaml" 2>>"$stage/log/inject"
cmp "$stage/once.yaml" "$stage/twice.yaml" || fail "the second inject changed something"
"$(program vcuda-inject)" undo -f "$stage/once.yaml" >"$stage/undone.yaml" 2>>"$stage/log/inject"
cmp "$original" "$stage/undone.yaml" || fail "undo did not give the original back"

issue_certificate 2>/dev/null
start_webhook
"$scene/api_server" pod "$original" >"$stage/pod.json"
admit "$stage/pod.json" "$stage/by_webhook.json"
admit "$stage/by_webhook.json" "$stage/again.json"
[ "$(jq -c . "$stage/patch.json")" = "[]" ] || fail "the webhook patches a patched pod: $(cat "$stage/patch.json")"
"${inject[@]}" -f "$stage/pod.json" -o json >"$stage/by_cli.json" 2>>"$stage/log/inject"
diff <(jq -S . "$stage/by_webhook.json") <(jq -S . "$stage/by_cli.json") || fail "webhook and vcuda-inject differ"
echo "second inject: nothing; undo: the original; webhook and vcuda-inject: the same pod"
