#include "certs/store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace vcuda::certs {
namespace {

constexpr mode_t secret_mode = 0600;
constexpr mode_t public_mode = 0644;
constexpr mode_t folder_mode = 0700;

Failure refused(std::string_view doing, const std::string& path) {
  return {Errc::filesystem, "could not " + std::string(doing) + " " + path + ": " + std::strerror(errno)};
}

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// A file under construction beside its final place; removed unless published.
class Draft {
 public:
  explicit Draft(std::string final_path) : final_(std::move(final_path)), path_(final_ + ".XXXXXX") {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    if (written_) ::unlink(path_.c_str());
  }

  Result<void> write(std::string_view content, mode_t mode) {
    const Fd fd(::mkostemp(path_.data(), O_CLOEXEC));
    if (fd.get() < 0) return refused("create a file beside", final_);
    written_ = true;
    if (::fchmod(fd.get(), mode) != 0) return refused("set the mode of", path_);
    while (!content.empty()) {
      const ssize_t n = ::write(fd.get(), content.data(), content.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return refused("write", path_);
      content.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::fsync(fd.get()) != 0) return refused("flush", path_);
    return {};
  }

  Result<void> publish(Existing existing) {
    if (existing == Existing::replace) {
      if (::rename(path_.c_str(), final_.c_str()) != 0) return refused("replace", final_);
      written_ = false;
      return {};
    }
    // link(), unlike rename(), refuses when the name was taken since it was looked at.
    if (::link(path_.c_str(), final_.c_str()) == 0) return {};
    if (errno == EEXIST) return Failure{Errc::exists, final_ + " exists already; --force replaces it"};
    return refused("create", final_);
  }

  const std::string& final_path() const { return final_; }

 private:
  std::string final_;
  std::string path_;
  bool written_ = false;
};

struct Content {
  const char* name;
  const std::string& text;
  mode_t mode;
};

Result<void> sync_folder(const std::string& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return refused("open", folder);
  if (::fsync(fd.get()) != 0) return refused("flush", folder);
  return {};
}

Result<void> publish_all(std::vector<std::unique_ptr<Draft>>& drafts, Existing existing) {
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    const auto published = drafts[i]->publish(existing);
    if (published) continue;
    if (existing == Existing::keep)
      for (std::size_t done = 0; done < i; ++done) ::unlink(drafts[done]->final_path().c_str());
    return published;
  }
  return {};
}

}  // namespace

Result<void> store(const Issued& issued, const std::filesystem::path& out, Existing existing) {
  const std::filesystem::path folder = out.has_filename() ? out : out.parent_path();  // "x/" is "x"
  const Content contents[] = {{"ca.key", issued.ca_key, secret_mode},
                              {"tls.key", issued.key, secret_mode},
                              {"ca.crt", issued.ca_certificate, public_mode},
                              {"tls.crt", issued.certificate, public_mode}};
  std::error_code error;
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), folder_mode) != 0 && errno != EEXIST)
    return refused("create the folder", folder.string());

  std::vector<std::unique_ptr<Draft>> drafts;
  for (const Content& content : contents) {
    const std::string path = (folder / content.name).string();
    struct stat found {};
    if (existing == Existing::keep && ::lstat(path.c_str(), &found) == 0)
      return Failure{Errc::exists, path + " exists already; --force replaces it"};
    drafts.push_back(std::make_unique<Draft>(path));
    if (const auto written = drafts.back()->write(content.text, content.mode); !written) return written;
  }
  if (const auto published = publish_all(drafts, existing); !published) return published;
  return sync_folder(folder.string());
}

}  // namespace vcuda::certs
