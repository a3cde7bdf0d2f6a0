#include "runtime-libs/softgpu/ptx/scope.hpp"

#include <charconv>

namespace vcuda::softgpu::ptx {

bool Scopes::add_register(std::string_view name, uint32_t first) {
  return scopes_.back().registers.emplace(name, first).second;
}

bool Scopes::add_family(std::string_view prefix, uint32_t count, uint32_t first) {
  return scopes_.back().families.emplace(prefix, Family{count, first}).second;
}

std::optional<uint32_t> Scopes::find_register(std::string_view name) const {
  const size_t digits = name.find_last_not_of("0123456789") + 1;  // npos + 1 is 0
  uint32_t number = 0;
  // "%r01" is not a member of %r<2>: numbers are written without leading zeros.
  bool numbered = digits < name.size() && (name[digits] != '0' || digits + 1 == name.size());
  if (numbered) {
    const auto [end, error] = std::from_chars(name.data() + digits, name.data() + name.size(), number);
    numbered = error == std::errc{};
  }
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (const auto found = scope->registers.find(name); found != scope->registers.end()) return found->second;
    if (!numbered) continue;
    const auto family = scope->families.find(name.substr(0, digits));
    if (family != scope->families.end() && number < family->second.count)
      return family->second.first + number;
  }
  return std::nullopt;
}

bool Scopes::add_label(std::string_view name, uint32_t instruction) {
  return scopes_.back().labels.emplace(name, instruction).second;
}

}  // namespace vcuda::softgpu::ptx
