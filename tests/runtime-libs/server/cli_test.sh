#!/usr/bin/env bash
# vcuda as its user meets it: help, wrong words, no driver, a port that is taken.
set -uo pipefail
vcuda=$VCUDA_BUILD/bin/vcuda driver=$VCUDA_BUILD/lib/libsoftgpu.so
work=$(mktemp -d)
trap 'kill "${pid:-}" 2>/dev/null; wait; rm -rf "$work"' EXIT
failed=0
# expect EXIT_CODE PATTERN COMMAND...: the command ends so, with a line that matches.
expect() {
  local code=$1 pattern=$2; shift 2
  timeout 30 "$@" >"$work/out" 2>&1; local got=$?
  if [ $got != "$code" ] || { [ -n "$pattern" ] && ! grep -qE -- "$pattern" "$work/out"; }; then
    echo "FAILED: $* -> $got (expected $code and /$pattern/):"; cat "$work/out"; failed=1
  fi
}
expect 0 'register' "$vcuda" --help
expect 0 'vcuda-client 0 SERVER native 9998 9997 9999 0' "$vcuda" -h
expect 0 '^vcuda [0-9]+\.[0-9]+\.[0-9]+$' "$vcuda" --version
expect 2 'bogus' "$vcuda" --bogus
expect 2 '70000' "$vcuda" -p 70000
expect 2 "light.* not supported" "$vcuda" -n light
expect 1 'vcuda: no CUDA driver: .*--driver' "$vcuda" --driver "$work/nothing.so"
expect 1 "client library" "$vcuda" --driver "$VCUDA_BUILD/lib/libvcuda.so"
expect 1 'not a CUDA driver library' "$vcuda" --driver libm.so.6
expect 1 'numeric address' "$vcuda" --driver "$driver" --bind not-an-address
# The seed's options in full; the two that need nothing are said to need nothing, and an open port is warned of.
"$vcuda" -n native -s 0 -r 0 -p 0 -a 0x1129 -k 0x298 --driver "$driver" --port-file "$work/ports" 2>"$work/log" &
pid=$!
for _ in $(seq 300); do [ -s "$work/ports" ] && break; sleep 0.1; done
grep -q 'option_not_needed' "$work/log" || { echo "FAILED: -a and -k were not mentioned"; failed=1; }
grep -q 'level=warning event=open_to_strangers' "$work/log" || { echo "FAILED: no warning about the open port"; failed=1; }
. "$work/ports"
expect 1 "cannot listen on 0.0.0.0:$register: Address already in use" "$vcuda" -s 0 -r 0 -p "$register" --driver "$driver"
kill -TERM $pid; wait $pid || { echo "FAILED: SIGTERM ended it with $?"; failed=1; }
exit $failed
