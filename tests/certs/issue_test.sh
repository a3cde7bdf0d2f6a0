#!/usr/bin/env bash
# vcuda-certs issue as a user meets it: exit codes, what goes to stdout and stderr, and the openssl CLI as second opinion.
set -euo pipefail
certs="$VCUDA_BUILD/bin/vcuda-certs"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
expect() { # expect CODE command...: runs it, keeps its streams in $work/out and $work/err
  local code=$1 got=0
  shift
  "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" = "$code" ] || fail "expected exit $code, got $got: $* ($(cat "$work/err"))"
}

expect 0 "$certs" issue --out "$work/a" --service hook --namespace ns --dns extra.example --ip 127.0.0.1
[ "$(wc -l <"$work/out")" = 1 ] || fail "stdout holds more than the caBundle"
base64 -d <"$work/out" | cmp - "$work/a/ca.crt" || fail "the caBundle is not ca.crt"
grep -q PRIVATE "$work/out" "$work/err" && fail "a key was printed"
[ "$(stat -c %a "$work/a/tls.key" "$work/a/ca.key" | tr '\n' ' ')" = "600 600 " ] || fail "modes of the keys"

for name in hook hook.ns hook.ns.svc hook.ns.svc.cluster.local extra.example; do
  openssl verify -x509_strict -purpose sslserver -verify_hostname "$name" -CAfile "$work/a/ca.crt" "$work/a/tls.crt" \
    >/dev/null || fail "openssl does not accept $name"
done
openssl verify -x509_strict -purpose sslserver -verify_ip 127.0.0.1 -CAfile "$work/a/ca.crt" "$work/a/tls.crt" >/dev/null ||
  fail "openssl does not accept the address"
! openssl verify -purpose sslclient -CAfile "$work/a/ca.crt" "$work/a/tls.crt" >/dev/null 2>&1 || fail "good for a client too"
! openssl verify -verify_hostname other -CAfile "$work/a/ca.crt" "$work/a/tls.crt" >/dev/null 2>&1 || fail "good for any name"
[ "$(openssl x509 -in "$work/a/tls.crt" -noout -pubkey)" = "$(openssl pkey -in "$work/a/tls.key" -pubout)" ] ||
  fail "tls.key does not belong to tls.crt"

sum=$(cat "$work"/a/* | sha256sum)
expect 1 "$certs" issue --out "$work/a"
grep -q "exists already; --force" "$work/err" || fail "no word about --force"
[ ! -s "$work/out" ] || fail "a caBundle of nothing was printed"
[ "$sum" = "$(cat "$work"/a/* | sha256sum)" ] || fail "files were overwritten without --force"
expect 0 "$certs" issue --out "$work/a" --force
[ "$sum" != "$(cat "$work"/a/* | sha256sum)" ] || fail "--force replaced nothing"
[ "$(find "$work/a" -type f | wc -l)" = 4 ] || fail "something was left behind: $(find "$work/a")"

expect 0 "$certs" issue --out "$work/b" --days 7 --ca-days 30
openssl x509 -in "$work/b/tls.crt" -noout -checkend $((7 * 86400 - 60)) >/dev/null || fail "lives shorter than 7 days"
! openssl x509 -in "$work/b/tls.crt" -noout -checkend $((7 * 86400 + 60)) >/dev/null || fail "lives longer than 7 days"

expect 0 "$certs" --help
expect 0 "$certs" issue --help
expect 0 "$certs" --version
grep -q '^vcuda-certs [0-9]' "$work/out" || fail "--version"
expect 2 "$certs"
expect 2 "$certs" issue
expect 2 "$certs" issue --out "$work/c" --days many
expect 2 "$certs" issue --out "$work/c" --days 40 --ca-days 30
expect 2 "$certs" issue --out "$work/c" --dns 'a,DNS:b'
expect 2 "$certs" issue --out "$work/c" --ip nowhere
expect 2 "$certs" issue --out "$work/c" --service UPPER
[ ! -e "$work/c" ] || fail "a refused command made a folder"
expect 1 "$certs" issue --out /proc/none/here
[ "$(wc -l <"$work/err")" = 1 ] || fail "an error of more than one line"
if [ -w /dev/full ]; then
  got=0
  "$certs" issue --out "$work/d" >/dev/full 2>/dev/null || got=$?
  [ "$got" = 1 ] || fail "a full stdout went unnoticed"
fi
echo ok
