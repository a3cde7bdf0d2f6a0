#include "runtime-libs/softgpu/image/program.hpp"

#include <algorithm>
#include <utility>

#include "runtime-libs/softgpu/ptx/decoder.hpp"

namespace vcuda::softgpu {
namespace {

LoadFailure refused(const ptx::Refusal& refusal) {
  std::string message = "PTX";
  if (refusal.line > 0) message += " line " + std::to_string(refusal.line);
  return {CUDA_ERROR_INVALID_PTX, message + ": " + refusal.message};
}

}  // namespace

int Program::kernel_number(std::string_view name) const {
  const auto found = std::ranges::find_if(kernels, [&](const auto& kernel) { return kernel->name == name; });
  return found == kernels.end() ? -1 : static_cast<int>(found - kernels.begin());
}

LoadResult<std::shared_ptr<const Program>> program_of(std::string text) {
  auto program = std::make_shared<Program>();
  program->text = std::move(text);
  auto syntax = ptx::parse(program->text);
  if (!syntax) return refused(syntax.error());
  program->syntax = std::move(*syntax);
  for (const ptx::Variable& variable : program->syntax.variables) {
    if (variable.is_extern && variable.space != ptx::Space::shared) {
      return refused({variable.line, "extern variable " + std::string(variable.name) +
                                         " needs linking, which is not supported"});
    }
  }
  for (const ptx::Function& function : program->syntax.functions) {
    if (!function.is_entry || !function.has_body) continue;
    auto kernel = ptx::decode(program->syntax, function);
    if (!kernel) return refused(kernel.error());
    program->kernels.push_back(std::make_shared<const Kernel>(std::move(*kernel)));
  }
  return std::shared_ptr<const Program>(std::move(program));
}

LoadResult<std::shared_ptr<const Program>> load_program(const void* image, unsigned compute_capability) {
  auto text = ptx_in_image(image, compute_capability);
  if (!text) return text.error();
  return program_of(std::move(*text));
}

}  // namespace vcuda::softgpu
