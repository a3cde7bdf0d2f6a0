// Puts an issued CA and serving certificate into a folder: ca.crt, ca.key, tls.crt, tls.key (the names of a
// Kubernetes TLS Secret). Knows nothing of how they were made.
#pragma once
#include <filesystem>

#include "certs/failure.hpp"
#include "certs/issue.hpp"

namespace vcuda::certs {

enum class Existing { keep, replace };  // what to do with files already there

// Writes the four files, keys with mode 0600 and certificates with 0644, creating `folder` (0700) where
// missing. Each file appears whole or not at all and is on the disk when this returns; with `keep`, nothing
// is left behind on failure. With `replace` the files change one after the other, keys first: a reader must
// check that key and certificate match. exists: a file is there and `existing` is keep. filesystem: the
// operating system refused.
Result<void> store(const Issued& issued, const std::filesystem::path& folder, Existing existing);

}  // namespace vcuda::certs
