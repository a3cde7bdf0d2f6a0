#!/usr/bin/env bash
# vcuda-client as a pod meets it: help, wrong words, the copier, the probe, the sidecar's start and end.
set -uo pipefail
client=$VCUDA_BUILD/bin/vcuda-client
work=$(mktemp -d)
trap 'kill "${pid:-}" 2>/dev/null; wait; rm -rf "$work"' EXIT
failed=0
expect() {
  local code=$1 pattern=$2; shift 2
  timeout 30 "$@" >"$work/out" 2>&1; local got=$?
  if [ $got != "$code" ] || { [ -n "$pattern" ] && ! grep -qE -- "$pattern" "$work/out"; }; then
    echo "FAILED: $* -> $got (expected $code and /$pattern/):"; cat "$work/out"; failed=1
  fi
}
check() { if ! "${@:2}"; then echo "FAILED: $1"; failed=1; fi; }
expect 0 'send-port' "$client" --help
expect 0 '^vcuda-client [0-9]' "$client" --version
expect 2 'server' "$client"
expect 2 'light' "$client" 0 gpu light 9998 9997 9999 0
expect 2 '99999' "$client" 0 gpu native 99999 9997 9999 0
expect 1 'no vcuda-client answers' "$client" --ready --socket "$work/nobody"
expect 1 'cannot listen' "$client" --socket "$work/no/folder/here" 0 gpu native 9998 9997 9999 0

# The copier: from an image's folder into the volume, twice, under every name, readable by any user.
mkdir "$work/image" "$work/volume"
cp "$VCUDA_BUILD"/lib/lib{vcuda,utilities}.so "$work/image"
expect 1 'official.libcuda.so.1' "$client" install --from "$work/image" "$work/volume"
cp "$VCUDA_BUILD/lib/libvcuda.so" "$work/image/official.libcuda.so.1"
expect 1 'is no folder' "$client" install --from "$work/image" "$work/nowhere"
expect 0 '' "$client" install --from "$work/image" "$work/volume"
(umask 077; expect 0 '' "$client" install --from "$work/image" "$work/volume")
check "the volume holds exactly four libraries" \
  [ "$(cd "$work/volume" && echo * .[a-z]*)" = "libcuda.so.1 libnvidia-ml.so.1 libutilities.so libvcuda.so .[a-z]*" ]
for name in libcuda.so.1 libvcuda.so; do check "$name" cmp -s "$work/volume/$name" "$work/image/libvcuda.so"; done
for name in libnvidia-ml.so.1 libutilities.so; do check "$name" cmp -s "$work/volume/$name" "$work/image/libutilities.so"; done
check "modes are 0644" [ "$(stat -c %a "$work"/volume/* | sort -u)" = 644 ]

# The sidecar without a server: it starts, is not ready and says why, and ends at SIGTERM without leaving its socket.
"$client" --socket "$work/socket" 0 127.0.0.1 native 9 9 1 0 2>"$work/log" &
pid=$!
# It appears before anyone may connect: what counts is that they may, soon.
for _ in $(seq 100); do [ "$(stat -c %a "$work/socket" 2>/dev/null)" = 666 ] && break; sleep 0.1; done
check "any user may connect" [ "$(stat -c %a "$work/socket")" = 666 ]
expect 1 'not ready: the GPU server 127.0.0.1:1 does not answer: Connection refused' "$client" --ready --socket "$work/socket"
kill -TERM $pid; wait $pid || { echo "FAILED: SIGTERM ended it with $?"; failed=1; }
check "the socket is gone" [ ! -e "$work/socket" ]
exit $failed
