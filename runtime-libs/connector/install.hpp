// Copies the client libraries from the image into the pod's volume, under every name programs load them by.
#pragma once
#include <boost/system/result.hpp>
#include <filesystem>
#include <string>

namespace vcuda::connector {

// Each file is whole before it gets its name, readable by any user, and replaces an older one: running it
// twice is running it once. The error is a sentence with the file's name.
boost::system::result<void, std::string> install_libraries(const std::filesystem::path& from,
                                                           const std::filesystem::path& to);

}  // namespace vcuda::connector
