#!/usr/bin/env bash
# Bad input is a clear error with its place and its code, over HTTP and on the command line, and the webhook goes on.
# shellcheck source=tests/end_to_end/stage.sh
. "$(dirname "$0")/stage.sh"
enter_stage "$@"

write_policy
issue_certificate 2>/dev/null
start_webhook
"$scene/api_server" pod "$scene/pytorch_deployment.yaml" vectorAdd >"$stage/pod.json"

# refused STATUS FILE WORDS...: posting the file gives that status, and a message with each of the words.
refused() {
  local expected=$1 file=$2 word answer; shift 2
  answer=$(post "$file") || fail "the connection broke for $file: $(cat "$stage/status")"
  [ "$(cat "$stage/status")" = "$expected" ] || fail "$(basename "$file"): status $(cat "$stage/status"), expected $expected: $answer"
  for word in "$@"; do grep -qi -- "$word" <<<"$answer" || fail "$(basename "$file"): '$answer' does not say '$word'"; done
  echo "$(basename "$file"): $expected: $(head -c 160 <<<"$answer")"
}

echo '{"apiVersion": "admission.k8s.io/v1", "kind": ' >"$stage/cut.json"
refused 400 "$stage/cut.json"
echo '{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}' >"$stage/no_request.json"
refused 400 "$stage/no_request.json" request
echo '[]' >"$stage/array.json"
refused 400 "$stage/array.json"
: >"$stage/empty.json"
refused 400 "$stage/empty.json"
head -c 500000 /dev/zero | tr '\0' '[' >"$stage/deep.json"
refused 400 "$stage/deep.json"
head -c 8388608 /dev/zero >"$stage/8MiB.json"
refused 413 "$stage/8MiB.json"
status=$(curl -sS -o /dev/null -w '%{http_code}' --cacert "$stage/certs/ca.crt" --resolve "$webhook_name:$webhook_port:127.0.0.1" "https://$webhook_name:$webhook_port/mutate")
[ "$status" = 405 ] || fail "GET /mutate gave $status, expected 405"
plain=$(curl -sS --max-time 5 -w ' %{http_code}' "http://127.0.0.1:$webhook_port/mutate")
[[ $plain == *HTTPS*" 400" ]] || fail "plain HTTP on the TLS port: '$plain', expected 400 and a word about HTTPS"

admit "$stage/pod.json" "$stage/patched.json"
[ "$(jq length "$stage/patch.json")" -gt 0 ] || fail "the webhook no longer patches"
kill -0 "$webhook_pid" || fail "the webhook is gone"
echo "after all of it the webhook patches as before"

# cli EXIT FILE WORDS...: vcuda-inject refuses the file with that exit code, its name and each of the words on stderr.
cli() {
  local expected=$1 file=$2 word code=0; shift 2
  "$(program vcuda-inject)" --policy "$stage/policy.yaml" -f "$file" >"$stage/out" 2>"$stage/err" || code=$?
  [ $code = "$expected" ] || fail "vcuda-inject -f $(basename "$file"): exit $code, expected $expected: $(cat "$stage/err")"
  for word in "$(basename "$file")" "$@"; do
    grep -q -- "$word" "$stage/err" || fail "vcuda-inject -f $(basename "$file") does not say '$word': $(cat "$stage/err")"
  done
  echo "vcuda-inject -f $(basename "$file"): $code: $(tail -n 1 "$stage/err")"
}

printf 'a: 1\nb: [2\n' >"$stage/broken.yaml"
cli 1 "$stage/broken.yaml"
printf 'kind: Pod\nmetadata:\n  name: {{ .Values.name }}\n' >"$stage/template.yaml"
cli 1 "$stage/template.yaml" ":3"
cli 1 "$stage/missing.yaml"
