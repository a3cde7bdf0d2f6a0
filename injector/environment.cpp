// Merging of search lists. See environment.hpp.
#include "injector/environment.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <vector>

#include "runtime-libs/contract/contract.hpp"

namespace vcuda::injector {
namespace {

// Seed document 0 writes the folder with a slash at its end.
const std::string our_folder = std::string(contract::app_mount_path) + "/";
// NVIDIA's CUDA images: ENV LD_LIBRARY_PATH=/usr/local/nvidia/lib:/usr/local/nvidia/lib64; the runtime is in
// the third.
constexpr std::string_view image_tail = "/usr/local/nvidia/lib:/usr/local/nvidia/lib64:/usr/local/cuda/lib64";

std::array<std::string, 2> our_libraries() {
  return {our_folder + contract::nvml_library, our_folder + contract::cuda_library};
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> tokens;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) tokens.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return tokens;
}

std::string join(const std::vector<std::string_view>& tokens) {
  std::string out;
  for (const std::string_view token : tokens) {
    if (!out.empty()) out += ':';
    out += token;
  }
  return out;
}

}  // namespace

std::string merge_preload(std::string_view user, PreloadOrder order) {
  const auto ours = our_libraries();
  const auto tokens = split(user, ": ");
  const auto has = [&](std::string_view wanted) {
    return std::find(tokens.begin(), tokens.end(), wanted) != tokens.end();
  };
  if (std::all_of(ours.begin(), ours.end(), has)) return std::string(user);

  std::vector<std::string_view> merged;
  std::unordered_set<std::string_view> seen;  // a value can hold tens of thousands of tokens
  const auto append = [&](std::string_view token) {
    if (seen.insert(token).second) merged.push_back(token);
  };
  const auto is_ours = [&](std::string_view token) {
    return std::find(ours.begin(), ours.end(), token) != ours.end();
  };
  if (order == PreloadOrder::first)
    for (const std::string& token : ours) append(token);
  for (const std::string_view token : tokens)
    if (!is_ours(token)) append(token);
  if (order == PreloadOrder::last)
    for (const std::string& token : ours) append(token);
  return join(merged);
}

std::string merge_library_path(std::optional<std::string_view> user) {
  if (!user) return our_folder + ":" + std::string(image_tail);
  for (const std::string_view folder : split(*user, ":;"))
    if (folder == our_folder || folder == contract::app_mount_path) return std::string(*user);
  return user->empty() ? our_folder : our_folder + ":" + std::string(*user);
}

std::string original_name(std::string_view variable) { return "TF_ORIGINAL_" + std::string(variable); }

std::string preload_with_reference(PreloadOrder order) {
  return merge_preload("$(" + original_name(contract::env_preload) + ")", order);
}

std::string library_path_with_reference() {
  return merge_library_path("$(" + original_name(contract::env_library_path) + ")");
}

}  // namespace vcuda::injector
