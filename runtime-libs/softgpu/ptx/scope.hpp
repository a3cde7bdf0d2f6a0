// Names in the nested { } of one function: registers (also as families %r<100>) and labels, which may be used
// before they are set. A name is looked for in the innermost scope first.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace vcuda::softgpu::ptx {

class Scopes {
 public:
  // A branch to a label not yet seen: which instruction, on which line.
  struct Pending {
    std::string_view label;
    uint32_t instruction;
    int line;
  };

  void open() { scopes_.emplace_back(); }
  size_t depth() const { return scopes_.size(); }

  // Declares a register, or count registers name0, name1 ... ; first is the index of the first. False if
  // taken.
  bool add_register(std::string_view name, uint32_t first);
  bool add_family(std::string_view prefix, uint32_t count, uint32_t first);
  std::optional<uint32_t> find_register(std::string_view name) const;

  // Sets a label to the instruction that follows it. False if set already in this scope.
  bool add_label(std::string_view name, uint32_t instruction);
  void branch(Pending pending) { scopes_.back().pending.push_back(pending); }

  // Closes the innermost scope. resolve(instruction, target) is called for each branch into it or out of it
  // that is known now; a branch whose label no scope has is returned once the outermost scope closes.
  template <typename Resolve>
  std::optional<Pending> close(Resolve resolve) {
    Scope scope = std::move(scopes_.back());
    scopes_.pop_back();
    for (const Pending& pending : scope.pending) {
      const auto label = scope.labels.find(pending.label);
      if (label != scope.labels.end()) {
        resolve(pending.instruction, label->second);
      } else if (scopes_.empty()) {
        return pending;
      } else {
        scopes_.back().pending.push_back(pending);
      }
    }
    return std::nullopt;
  }

 private:
  struct Family {
    uint32_t count;
    uint32_t first;
  };
  struct Scope {
    std::unordered_map<std::string_view, uint32_t> registers;
    std::unordered_map<std::string_view, Family> families;
    std::unordered_map<std::string_view, uint32_t> labels;
    std::vector<Pending> pending;
  };
  std::vector<Scope> scopes_;
};

}  // namespace vcuda::softgpu::ptx
