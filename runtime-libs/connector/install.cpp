#include "runtime-libs/connector/install.hpp"

#include "runtime-libs/contract/contract.hpp"

namespace vcuda::connector {
namespace fs = std::filesystem;

boost::system::result<void, std::string> install_libraries(const fs::path& from, const fs::path& to) {
  struct Copy {
    const char* source;
    const char* target;
  };
  static constexpr Copy copies[] = {
      {contract::cuda_library, contract::cuda_library},
      {contract::nvml_library, contract::nvml_library},
      {contract::cuda_library_in_image, contract::cuda_library_soname},
      {contract::nvml_library, contract::nvml_library_soname},
  };
  std::error_code failed;
  if (!fs::is_directory(to, failed))
    return to.string() + " is no folder: the volume " + contract::volume_name + " must be mounted there";
  for (const Copy& copy : copies) {
    const fs::path source = from / copy.source, target = to / copy.target;
    const fs::path unfinished = to / (std::string(".") + copy.target + ".new");
    fs::copy_file(source, unfinished, fs::copy_options::overwrite_existing, failed);
    if (failed) return "cannot copy " + source.string() + " to " + to.string() + ": " + failed.message();
    using fs::perms;
    fs::permissions(unfinished,
                    perms::owner_read | perms::owner_write | perms::group_read | perms::others_read, failed);
    if (!failed) fs::rename(unfinished, target, failed);
    if (failed) return "cannot finish " + target.string() + ": " + failed.message();
  }
  return {};
}

}  // namespace vcuda::connector
