#!/usr/bin/env bash
# remoted.sh PROGRAM...: each program, built by nvcc and knowing nothing of vcuda, says the same and ends the same directly on
# the software GPU and through vcuda. A program that hangs fails by its time limit.
set -uo pipefail
build=$VCUDA_BUILD
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null; wait; rm -rf "$work"' EXIT
"$build/bin/vcuda" --bind 127.0.0.1 -s 0 -r 0 -p 0 --driver "$build/lib/libsoftgpu.so" --port-file "$work/ports" \
  2>"$work/server.log" &
server=$!
for _ in $(seq 300); do [ -s "$work/ports" ] && break; sleep 0.1; done
[ -s "$work/ports" ] || { echo "vcuda did not start:"; cat "$work/server.log"; exit 1; }
# shellcheck disable=SC1091
. "$work/ports"
failed=0
for program in "$@"; do
  LD_PRELOAD=$build/lib/libsoftgpu.so timeout 60 "$build/bin/$program" >"$work/direct" 2>"$work/direct.err"
  direct=$?
  VCUDA_SERVER=127.0.0.1:$register LD_PRELOAD=$build/lib/libutilities.so:$build/lib/libvcuda.so \
    timeout 60 "$build/bin/$program" >"$work/remoted" 2>"$work/remoted.err"
  remoted=$?
  if [ $direct != 0 ] || [ $remoted != 0 ] || ! diff "$work/direct" "$work/remoted" >"$work/diff"; then
    echo "FAILED: $program: direct ended with $direct, remoted with $remoted (direct <, remoted >):"
    cat "$work/diff" "$work/direct.err" "$work/remoted.err"
    failed=1
  else
    echo "$program: the same"
  fi
done
grep -q 'event=worker_killed\|event=worker_failed' "$work/server.log" && { cat "$work/server.log"; failed=1; }
exit $failed
