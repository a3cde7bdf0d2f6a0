#!/usr/bin/env bash
# run_on_softgpu.sh PROGRAM [preload]: runs a program of this build on the software GPU, found as libcuda.so.1 by name
# (or preloaded), and expects it to say that its test passed, and to say nothing on stderr; a program beside which
# PROGRAM.expected lies has to print just that instead, and may complain.
set -euo pipefail
program=$VCUDA_BUILD/bin/$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if [ "${2:-}" = preload ]; then
  export LD_PRELOAD=$VCUDA_BUILD/lib/libsoftgpu.so
else
  ln -s "$VCUDA_BUILD/lib/libsoftgpu.so" "$folder/libcuda.so.1"
  export LD_LIBRARY_PATH=$folder
fi
status=0
timeout 60 "$program" >"$folder/out" 2>"$folder/err" || status=$?
unset LD_PRELOAD LD_LIBRARY_PATH
cat "$folder/out" "$folder/err"
[ "$status" = 0 ] || { echo "$1 ended with $status"; exit 1; }
expected=$(dirname "$0")/${1%_shared}.expected
if [ -e "$expected" ]; then
  diff -u "$expected" "$folder/out" || { echo "$1 printed something else"; exit 1; }
  exit 0
fi
grep -q 'Test PASSED' "$folder/out" || { echo "$1 did not say that its test passed"; exit 1; }
[ ! -s "$folder/err" ] || { echo "$1 complained"; exit 1; }
