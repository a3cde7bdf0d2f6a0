// How our values and the user's become one value of LD_PRELOAD and LD_LIBRARY_PATH. Pure functions of
// strings. Must not know containers or JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "injector/plan.hpp"

namespace vcuda::injector {

// Merges our two libraries into an LD_PRELOAD value, which ld.so splits at ':' and ' ' (ld.so(8)). Each token
// stays once, the user's in their order; ours stand before them, or behind with PreloadOrder::last. A value
// that already has both of ours is returned as it is.
std::string merge_preload(std::string_view user, PreloadOrder order);

// Merges our folder into an LD_LIBRARY_PATH value: before the user's value, which is kept to the letter (an
// empty element there means the working directory). Absent: ours and the folders that CUDA images bake into
// the variable, because a pod-level value replaces an image's. A value that already names our folder is
// returned as it is.
std::string merge_library_path(std::optional<std::string_view> user);

// The name under which a variable with a valueFrom is kept: "TF_ORIGINAL_LD_PRELOAD".
std::string original_name(std::string_view variable);

// What our variable is when the user's value is only known in the pod: merged with a reference to
// original_name().
std::string preload_with_reference(PreloadOrder order);
std::string library_path_with_reference();

}  // namespace vcuda::injector
