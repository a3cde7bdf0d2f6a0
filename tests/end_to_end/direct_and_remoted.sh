#!/usr/bin/env bash
# The same programs, untouched, directly on libsoftgpu.so and through libvcuda.so to a server: the same output, cudart
# linked statically or dynamically, and for a kernel made up for this run.
# shellcheck source=tests/end_to_end/stage.sh
. "$(dirname "$0")/stage.sh"
enter_stage "$@"

mkdir "$stage/direct" "$stage/remoted" "$stage/bin"
ln -s "$(library libsoftgpu.so)" "$stage/direct/libcuda.so.1"
ln -s "$(library libvcuda.so)" "$stage/remoted/libcuda.so.1"
start_server

both() {
  local name direct remoted; name=$(basename "$1")
  direct=$(LD_LIBRARY_PATH=$stage/direct timeout 60 "$@" 2>"$stage/log/$name.direct") || fail "$name ended with $? directly: $direct"
  remoted=$(LD_LIBRARY_PATH=$stage/remoted VCUDA_SERVER=$server_address "${on_cpu_node[@]}" timeout 60 "$@" 2>"$stage/log/$name.remoted") ||
    fail "$name ended with $? remoted: $remoted"
  [ -n "$direct" ] || fail "$name printed nothing"
  [ "$direct" = "$remoted" ] || fail "$name differs: '$direct' directly, '$remoted' remoted"
  echo "$name: $(tail -n 1 <<<"$direct")"
}

for name in vectorAdd vectorAdd_shared steady steady_shared; do both "$(program "$name")"; done

"$scene/random_kernel" "$stage/random.cu" "$@"
"${VCUDA_CUDA_ROOT:?the CUDA toolkit}/bin/nvcc" -std=c++17 -o "$stage/bin/random_kernel" "$stage/random.cu"
both "$stage/bin/random_kernel"
