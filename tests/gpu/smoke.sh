#!/usr/bin/env bash
# tests/gpu/smoke.sh [BUILD]: vectorAdd on this machine's NVIDIA GPU, native and then remoted through vcuda-client and vcuda
# on loopback. Needs nothing but the build folder and NVIDIA's driver; changes no setting of the card.
set -euo pipefail
build=$(cd "${1:-${VCUDA_BUILD:-build/dev}}" && pwd)
program=${VCUDA_PROGRAM:-$build/bin/vectorAdd}
if ! ldconfig -p | grep -q 'libcuda\.so\.1' && [ -z "${VCUDA_DRIVER:-}" ]; then
  echo "skipped: no NVIDIA driver (libcuda.so.1) on this machine"
  exit 77
fi
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
run() { timeout 120 "$@" | tee "$work/$label"; }

# VCUDA_DRIVER names another driver library, to try this script where there is no card.
label=native run env ${VCUDA_DRIVER:+LD_PRELOAD=$VCUDA_DRIVER} "$program"

"$build/bin/vcuda" -n native -s 0 -r 0 -p 0 --bind 127.0.0.1 --port-file "$work/ports" \
  ${VCUDA_DRIVER:+--driver "$VCUDA_DRIVER"} 2>"$work/vcuda.log" &
pids+=($!)
for _ in $(seq 600); do [ -s "$work/ports" ] && break; sleep 0.1; done
[ -s "$work/ports" ] || { echo "vcuda did not start:"; cat "$work/vcuda.log"; exit 1; }
. "$work/ports"
"$build/bin/vcuda-client" --socket "$work/socket" 0 127.0.0.1 native "$requests" "$replies" "$register" 0 \
  2>"$work/client.log" &
pids+=($!)
for _ in $(seq 50); do "$build/bin/vcuda-client" --socket "$work/socket" --ready 2>/dev/null && break; sleep 0.1; done

label=remoted run env VCUDA_SOCKET="$work/socket" VCUDA_STATS=1 \
  LD_PRELOAD="$build/lib/libutilities.so:$build/lib/libvcuda.so" "$program"
diff "$work/native" "$work/remoted" && echo "native and remoted agree"
