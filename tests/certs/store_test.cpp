// The four files: their content, modes, that nothing is overwritten unasked and nothing is left behind on
// failure.
#include "certs/store.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace vcuda::certs {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class Store : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "vcuda-store.XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  static std::string read(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::vector<std::string> list(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
      names.push_back(entry.path().filename().string());
    return names;
  }
  static unsigned mode(const fs::path& path) {
    struct stat found {};
    return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 07777u : 0u;
  }

  fs::path root_;
  const Issued first_{"ca1", "cakey1", "crt1", "key1", {}};
  const Issued second_{"ca2", "cakey2", "crt2", "key2", {}};
};

TEST_F(Store, WritesFourFilesWithTheirModes) {
  const mode_t before = umask(0);
  const auto stored = store(first_, root_ / "made" / "deep" / "", Existing::keep);
  umask(before);
  ASSERT_TRUE(stored) << stored.error().text;
  const fs::path folder = root_ / "made" / "deep";
  EXPECT_THAT(list(folder), UnorderedElementsAre("ca.crt", "ca.key", "tls.crt", "tls.key"));
  EXPECT_EQ(read(folder / "ca.crt"), "ca1");
  EXPECT_EQ(read(folder / "ca.key"), "cakey1");
  EXPECT_EQ(read(folder / "tls.crt"), "crt1");
  EXPECT_EQ(read(folder / "tls.key"), "key1");
  EXPECT_EQ(mode(folder / "ca.key"), 0600u);
  EXPECT_EQ(mode(folder / "tls.key"), 0600u);
  EXPECT_EQ(mode(folder / "ca.crt"), 0644u);
  EXPECT_EQ(mode(folder / "tls.crt"), 0644u);
  EXPECT_EQ(mode(folder), 0700u);
}

TEST_F(Store, OneFileThereKeepsAllFromBeingWritten) {
  for (const char* taken : {"ca.crt", "ca.key", "tls.crt", "tls.key"}) {
    const fs::path folder = root_ / taken;
    fs::create_directory(folder);
    std::ofstream(folder / taken) << "mine";
    const auto stored = store(first_, folder, Existing::keep);
    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().code, Errc::exists);
    EXPECT_THAT(stored.error().text, HasSubstr(taken));
    EXPECT_THAT(list(folder), UnorderedElementsAre(taken));
    EXPECT_EQ(read(folder / taken), "mine");
  }
}

TEST_F(Store, ADanglingLinkIsAFileToo) {
  fs::create_symlink(root_ / "elsewhere", root_ / "tls.crt");
  EXPECT_EQ(store(first_, root_, Existing::keep).error().code, Errc::exists);
  EXPECT_FALSE(fs::exists(root_ / "elsewhere"));
}

TEST_F(Store, ReplacesWhenAskedAndDoesNotWriteThroughALink) {
  ASSERT_TRUE(store(first_, root_, Existing::keep));
  fs::remove(root_ / "tls.key");
  std::ofstream(root_ / "victim") << "untouched";
  fs::create_symlink(root_ / "victim", root_ / "tls.key");
  const auto stored = store(second_, root_, Existing::replace);
  ASSERT_TRUE(stored) << stored.error().text;
  EXPECT_THAT(list(root_), UnorderedElementsAre("ca.crt", "ca.key", "tls.crt", "tls.key", "victim"));
  EXPECT_EQ(read(root_ / "tls.key"), "key2");
  EXPECT_EQ(read(root_ / "ca.crt"), "ca2");
  EXPECT_EQ(read(root_ / "victim"), "untouched");
  EXPECT_EQ(mode(root_ / "tls.key"), 0600u);
}

TEST_F(Store, AFolderThatCannotBeMadeIsNamed) {
  std::ofstream(root_ / "file") << "";
  const auto stored = store(first_, root_ / "file" / "sub", Existing::keep);
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, Errc::filesystem);
  EXPECT_THAT(stored.error().text, HasSubstr("file/sub"));
}

TEST_F(Store, AReplaceThatFailsLeavesNoDrafts) {
  fs::create_directories(root_ / "tls.crt" / "not-empty");
  const auto stored = store(first_, root_, Existing::replace);
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, Errc::filesystem);
  EXPECT_THAT(list(root_), testing::Not(testing::Contains(HasSubstr(".crt."))));
  EXPECT_THAT(list(root_), testing::Not(testing::Contains(HasSubstr(".key."))));
}

}  // namespace
}  // namespace vcuda::certs
