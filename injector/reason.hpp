// Why a pod was left alone or refused: one enumerator a cause, with a name for metrics and a sentence for
// people. Must not know pods or policies; the particulars (names, paths) are in Skip::message and
// Deny::message.
#pragma once

#include <string_view>

namespace vcuda::injector {

enum class Reason {
  // Skip: the pod passes unchanged.
  not_requested,       // no tensor-fusion.ai/enabled
  opted_out,           // enabled: "false"
  not_create,          // an update or a sub-resource: a pod's containers cannot change any more
  excluded_namespace,  // the policy lists the namespace
  mirror_pod,          // a static pod's mirror: the kubelet would not see the change
  windows,             // the libraries are for Linux

  // Deny: the pod asked for injection and cannot get it.
  bad_annotation,         // a value of a tensor-fusion.ai/ annotation that means nothing
  malformed_pod,          // a field has another type than Kubernetes gives it
  no_server,              // neither policy nor annotation name a GPU server
  no_container,           // several containers, none is known to be the app
  unknown_container,      // inject-container names one that is not there
  mixed_gpu_resources,    // one container asks in two vocabularies
  volume_taken,           // another volume has our name
  mount_taken,            // the user's mount is at, above or below our path
  container_taken,        // another container has our name
  environment_taken,      // the name a valueFrom variable would be kept under is in use
  sidecar_never_ends,     // a pod meant to end, no native sidecars, and the policy forbids doing without
  sidecar_not_supported,  // native asked for on a cluster that has none
  status_unreadable       // tensor-fusion.ai/status is there and is not what the injector wrote
};

// The enumerator's own spelling, for metrics and logs: "mount_taken".
std::string_view name(Reason reason);
// One sentence without particulars.
std::string_view text(Reason reason);

}  // namespace vcuda::injector
