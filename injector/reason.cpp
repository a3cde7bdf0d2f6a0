// The reasons' names and sentences. See reason.hpp.
#include "injector/reason.hpp"

#include <array>
#include <cstddef>

namespace vcuda::injector {
namespace {

struct Row {
  Reason reason;
  std::string_view name;
  std::string_view text;
};

constexpr std::array rows = {
    Row{Reason::not_requested, "not_requested", "the pod does not ask for injection"},
    Row{Reason::opted_out, "opted_out", "the pod says tensor-fusion.ai/enabled: \"false\""},
    Row{Reason::not_create, "not_create", "only the creation of a pod can be patched"},
    Row{Reason::excluded_namespace, "excluded_namespace", "the policy excludes the namespace"},
    Row{Reason::mirror_pod, "mirror_pod", "the pod is the mirror of a static pod"},
    Row{Reason::windows, "windows", "the pod is for Windows, the libraries are for Linux"},
    Row{Reason::bad_annotation, "bad_annotation",
        "a tensor-fusion.ai/ annotation has a value that means nothing"},
    Row{Reason::malformed_pod, "malformed_pod", "a field of the pod has the wrong type"},
    Row{Reason::no_server, "no_server", "no GPU server is named"},
    Row{Reason::no_container, "no_container", "none of the containers is known to be the app"},
    Row{Reason::unknown_container, "unknown_container",
        "an annotation names a container that is not in the pod"},
    Row{Reason::mixed_gpu_resources, "mixed_gpu_resources", "a container asks for a GPU in two vocabularies"},
    Row{Reason::volume_taken, "volume_taken", "another volume has the name of ours"},
    Row{Reason::mount_taken, "mount_taken", "a mount is at, above or below ours"},
    Row{Reason::container_taken, "container_taken", "another container has the name of ours"},
    Row{Reason::environment_taken, "environment_taken",
        "a variable we need for the original value is in use"},
    Row{Reason::sidecar_never_ends, "sidecar_never_ends", "a classic sidecar would keep the pod from ending"},
    Row{Reason::sidecar_not_supported, "sidecar_not_supported", "the sidecar mode does not work here"},
    Row{Reason::status_unreadable, "status_unreadable",
        "tensor-fusion.ai/status is not what the injector wrote"},
};
static_assert(rows.size() == static_cast<std::size_t>(Reason::status_unreadable) + 1);

constexpr bool rows_in_order() {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (static_cast<std::size_t>(rows[i].reason) != i) return false;
  return true;
}
static_assert(rows_in_order());

}  // namespace

std::string_view name(Reason reason) { return rows[static_cast<std::size_t>(reason)].name; }
std::string_view text(Reason reason) { return rows[static_cast<std::size_t>(reason)].text; }

}  // namespace vcuda::injector
