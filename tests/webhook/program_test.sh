#!/usr/bin/env bash
# vcuda-webhook as an operator meets it: curl as the client, ports it chose, what it prints, how it starts and stops.
set -euo pipefail
webhook="$VCUDA_BUILD/bin/vcuda-webhook"
certs="$VCUDA_BUILD/bin/vcuda-certs"
work=$(mktemp -d)
pid=
cleanup() {
  if [ -n "$pid" ]; then kill -KILL "$pid" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT
fail() {
  echo "FAILED: $*" >&2
  if [ -s "$work/log" ]; then sed 's/^/  log: /' "$work/log" >&2; fi
  exit 1
}
refuses() { # refuses CODE TEXT arguments...: starting with them ends with CODE and one line on stderr that holds TEXT
  local code=$1 text=$2 got=0
  shift 2
  timeout 20 "$webhook" --listen 127.0.0.1:0 --status-listen 127.0.0.1:0 "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" = "$code" ] || fail "expected exit $code, got $got: $* ($(cat "$work/err"))"
  grep -qF -- "$text" "$work/err" || fail "expected \"$text\" in: $(cat "$work/err")"
  [ "$code" = 2 ] || [ "$(wc -l <"$work/err")" = 1 ] || fail "an error of more than one line: $(cat "$work/err")"
}

"$certs" issue --out "$work/tls" --ip 127.0.0.1 >/dev/null 2>&1
"$certs" issue --out "$work/other" >/dev/null 2>&1
echo 'server: vcuda-server.vcuda.svc' >"$work/policy.yaml"
files=(--tls-cert "$work/tls/tls.crt" --tls-key "$work/tls/tls.key" --policy "$work/policy.yaml")

# What keeps it from starting, in one line each.
refuses 2 "--tls-cert is required"
refuses 2 "--no-such-option" "${files[@]}" --no-such-option
refuses 2 "--log-level" "${files[@]}" --log-level loud
refuses 2 "--header-timeout" "${files[@]}" --header-timeout=-1
refuses 1 "cannot read the certificate $work/none: No such file" --tls-cert "$work/none" --tls-key "$work/tls/tls.key" --policy "$work/policy.yaml"
refuses 1 "is not a PEM certificate" --tls-cert "$work/policy.yaml" --tls-key "$work/tls/tls.key" --policy "$work/policy.yaml"
refuses 1 "does not belong to the certificate" --tls-cert "$work/tls/tls.crt" --tls-key "$work/other/tls.key" --policy "$work/policy.yaml"
refuses 1 "expected ADDRESS:PORT" "${files[@]}" --listen here
refuses 1 "--server: expected HOST or HOST:REGISTER_PORT, found 'http://gpu'" "${files[@]}" --server http://gpu
refuses 1 "cannot read the policy $work/none" --tls-cert "$work/tls/tls.crt" --tls-key "$work/tls/tls.key" --policy "$work/none"
refuses 1 "cannot read the policy $work: " --tls-cert "$work/tls/tls.crt" --tls-key "$work/tls/tls.key" --policy "$work"
printf 'server: a\nsidecar:\n  mode: sometimes\n' >"$work/bad.yaml"
refuses 1 "$work/bad.yaml:" --tls-cert "$work/tls/tls.crt" --tls-key "$work/tls/tls.key" --policy "$work/bad.yaml"
grep -qE 'bad\.yaml:3[: ]' "$work/err" || fail "no line 3 in: $(cat "$work/err")"
printf 'server: [\n' >"$work/bad.yaml"
refuses 1 "$work/bad.yaml:" --tls-cert "$work/tls/tls.crt" --tls-key "$work/tls/tls.key" --policy "$work/bad.yaml"
"$webhook" --help >"$work/out" || fail "--help"
grep -q -- --drain-timeout "$work/out" || fail "--help leaves out options"
"$webhook" --version | grep -q '^vcuda-webhook [0-9]' || fail "--version"

# It starts, says where, and answers.
"$webhook" "${files[@]}" --listen 127.0.0.1:0 --status-listen 127.0.0.1:0 --port-file "$work/ports" \
  --server gpu.example >"$work/out" 2>"$work/log" &
pid=$!
for _ in $(seq 200); do
  [ ! -s "$work/ports" ] || break
  kill -0 "$pid" 2>/dev/null || fail "it ended before it listened"
  sleep 0.05
done
review_port='' status_port=''
# shellcheck source=/dev/null
. "$work/ports"
grep -qF "reviews https://127.0.0.1:$review_port/mutate, status http://127.0.0.1:$status_port" "$work/out" ||
  fail "the line on stdout does not name the ports: $(cat "$work/out")"
refuses 1 "for reviews: Address already in use" "${files[@]}" --listen "127.0.0.1:$review_port"

curl_() { curl -sS --max-time 20 --cacert "$work/tls/ca.crt" "$@"; }
post() { # post FILE [curl options]: prints the status, body in $work/answer
  local file=$1
  shift
  curl_ -o "$work/answer" -w '%{http_code}' -H 'Content-Type: application/json' --data-binary "@$file" "$@" \
    "https://127.0.0.1:$review_port/mutate?timeout=5s"
}
cat >"$work/review.json" <<'JSON'
{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"uid-of-the-review",
 "kind":{"group":"","version":"v1","kind":"Pod"},"operation":"CREATE","namespace":"team-a",
 "object":{"metadata":{"annotations":{"tensor-fusion.ai/enabled":"true"}},
 "spec":{"containers":[{"name":"app","image":"pytorch","env":[{"name":"PASSWORD","value":"hunter2"}]}]}}}}
JSON
[ "$(post "$work/review.json")" = 200 ] || fail "a good review: $(cat "$work/answer")"
jq -re .response.patch "$work/answer" | base64 -d >"$work/patch.json"
jq -e '[.[] | .path] | length > 0' "$work/patch.json" >/dev/null || fail "no patch"
grep -q gpu.example "$work/patch.json" || fail "--server is not in the patch: $(cat "$work/patch.json")"

printf '{\n "apiVersion": oops' >"$work/broken.json"
[ "$(post "$work/broken.json")" = 400 ] || fail "a broken review"
jq -e '.line == 2 and .offset == 17 and (.error | contains("line 2"))' "$work/answer" >/dev/null || fail "no place: $(cat "$work/answer")"
head -c 8388608 /dev/zero | tr '\0' ' ' >"$work/large"
[ "$(post "$work/large")" = 413 ] || fail "8 MiB: $(head -c 200 "$work/answer")"
[ "$(post "$work/large" -H 'Expect:')" = 413 ] || fail "8 MiB without Expect"
[ "$(post "$work/review.json" --tlsv1.2 --tls-max 1.2)" = 200 ] || fail "TLS 1.2"
[ "$(curl_ -o /dev/null -w '%{http_code}' "http://127.0.0.1:$review_port/mutate")" = 400 ] || fail "plain HTTP"
[ "$(post "$work/review.json")" = 200 ] || fail "it did not go on"

status() { curl -sS --max-time 20 -o "$work/status" -w '%{http_code}' "http://127.0.0.1:$status_port$1"; }
[ "$(status /readyz) $(status /livez) $(status /nothing)" = "200 200 404" ] || fail "health"
[ "$(status /metrics)" = 200 ] || fail "metrics"
grep -qF 'vcuda_webhook_requests_total{outcome="injected",reason="requested"} 3' "$work/status" || fail "metrics: $(cat "$work/status")"

# It leaves when told to, and its log says what happened without a word of any pod.
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
pid=
[ "$code" = 0 ] || fail "SIGTERM: exit $code"
grep -q 'event=review uid=uid-of-the-review namespace=team-a outcome=injected reason=requested status=200 duration_us=[0-9]' "$work/log" ||
  fail "no line for the review"
grep -q 'event=draining signal=SIGTERM' "$work/log" || fail "no line for the drain"
grep -q 'event=stopped connections_cut=0' "$work/log" || fail "no line for the end"
! grep -qE 'hunter2|PASSWORD|pytorch' "$work/log" "$work/out" || fail "the log holds something of a pod"
! grep -vqE '^time=[^ ]+ level=(info|warning) event=' "$work/log" || fail "a line that is not key=value"
echo ok
