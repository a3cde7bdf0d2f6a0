// The few facts the injector and the runtime must agree on: what the webhook writes into a pod is what the
// libraries, the sidecar and the server read. Values only, no code. Nothing here may include anything but
// <cstdint>.
#pragma once
#include <cstdint>

namespace vcuda::contract {

// The emptyDir volume of the patched pod and where it stands in its containers (seed document 0, Kyverno
// policy).
inline constexpr char volume_name[] = "vcuda-libs";
inline constexpr char app_mount_path[] = "/lib/vcuda";            // in the app's container
inline constexpr char target_mount_path[] = "/target/lib/vcuda";  // in the init container and in the sidecar

inline constexpr char init_container_name[] = "copy-runtime-libs";
inline constexpr char sidecar_name[] = "vcuda-client";

// File names inside the volume. libvcuda.so and libcuda.so.1 are the same library (SONAME libcuda.so.1);
// libutilities.so and libnvidia-ml.so.1 are the same library (SONAME libnvidia-ml.so.1).
inline constexpr char cuda_library[] = "libvcuda.so";
inline constexpr char cuda_library_soname[] = "libcuda.so.1";
inline constexpr char cuda_library_in_image[] =
    "official.libcuda.so.1";  // the seed's name for the copy in the image
inline constexpr char nvml_library[] = "libutilities.so";
inline constexpr char nvml_library_soname[] = "libnvidia-ml.so.1";

// The sidecar listens on this unix socket in the volume; the app's libraries connect to it.
inline constexpr char sidecar_socket_name[] = "vcuda-client.sock";
inline constexpr char app_socket_path[] = "/lib/vcuda/vcuda-client.sock";
inline constexpr char sidecar_socket_path[] = "/target/lib/vcuda/vcuda-client.sock";
// Where the seed's own pod shape gives the sidecar no mount, the same name in the abstract namespace is used.
inline constexpr char abstract_socket_name[] = "vcuda-client";

// Ports of the GPU server (seed: `vcuda -n native -s 9997 -r 9998 -p 9999`). Requests flow app -> server.
inline constexpr std::uint16_t reply_port = 9997;     // server's send port (-s), client's receive port
inline constexpr std::uint16_t request_port = 9998;   // server's receive port (-r), client's send port
inline constexpr std::uint16_t register_port = 9999;  // -p

// cuGetExportTable of vcuda's own client library answers this id (a random one, ours) where no driver does:
// the server recognises by it that it was given a client library as its driver.
inline constexpr unsigned char client_library_id[16] = {0x7a, 0x1f, 0x5c, 0x02, 0x9d, 0xe4, 0x4b, 0x63,
                                                        0xa8, 0x30, 0xc7, 0x11, 0x5e, 0x96, 0xf2, 0x4d};

// Environment the libraries read.
inline constexpr char env_server[] = "VCUDA_SERVER";  // HOST[:REGISTER_PORT]: connect without a sidecar
inline constexpr char env_socket[] = "VCUDA_SOCKET";  // overrides app_socket_path; "@name" is abstract
inline constexpr char env_trace[] = "VCUDA_TRACE";    // 1: each call on stderr
inline constexpr char env_stats[] = "VCUDA_STATS";    // 1: one line of figures on stderr at exit

// Environment the injector sets in the app, in the seed's order (document 0).
inline constexpr char env_disable_addmm[] = "DISABLE_ADDMM_CUDA_LT";
inline constexpr char env_library_path[] = "LD_LIBRARY_PATH";
inline constexpr char env_preload[] = "LD_PRELOAD";

}  // namespace vcuda::contract
