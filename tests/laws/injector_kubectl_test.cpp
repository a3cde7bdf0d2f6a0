// Our patches applied by kubectl's JSON Patch library (the API server's family): it must agree with our
// applier.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "injector/decide.hpp"
#include "injector/json_patch.hpp"
#include "injector/patch.hpp"
#include "tests/laws/pod_maker.hpp"

namespace vcuda::tests {
namespace {

namespace json = boost::json;
using namespace vcuda::injector;

// 50-100 ms each: enough to meet every kind of operation.
constexpr std::size_t patches = 25;

// Null where kubectl (or its time limit of 20 s) failed.
json::value run(const std::string& command) {
  FILE* pipe = popen(("timeout 20 " + command).c_str(), "r");
  if (pipe == nullptr) return nullptr;
  std::string out;
  char block[4096];
  for (std::size_t n = 0; (n = fread(block, 1, sizeof block, pipe)) > 0;) out.append(block, n);
  if (pclose(pipe) != 0) return nullptr;
  boost::system::error_code error;
  const json::value parsed = json::parse(out, error);
  return error ? json::value() : parsed;
}

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "vcuda-kubectl-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const char* name, const json::value& content) const {
    const std::string path = path_ + "/" + name;
    std::ofstream(path) << json::serialize(content);
    return path;
  }

 private:
  std::string path_;
};

TEST(Kubectl, AppliesOurPatchesAsWeDo) {
  if (std::system("kubectl version --client >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "kubectl is not installed";
  const Folder folder;
  std::size_t done = 0;
  for (std::uint64_t seed = 0; done < patches; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    json::value pod = make_pod(dice);
    pod.at("metadata").as_object()["name"] = "p";
    const auto policy = parse_policy(make_policy(dice));
    ASSERT_TRUE(policy);
    const Decision decision = decide(pod, {}, *policy);
    if (!std::holds_alternative<Inject>(decision)) continue;
    ++done;
    const json::array operations = patch(pod, std::get<Inject>(decision).plan);
    // kubectl reads the pod into its own types first: empty operations show what it makes of it without us.
    const std::string command =
        "kubectl patch --local --type=json -o json -f " + folder.file("pod.json", pod) + " --patch-file ";
    const json::value theirs = run(command + folder.file("patch.json", operations) + " 2>/dev/null");
    ASSERT_FALSE(theirs.is_null()) << "kubectl refuses " << json::serialize(operations);
    const auto ours = apply_patch(pod, operations);
    ASSERT_TRUE(ours);
    const json::value normal = run("kubectl patch --local --type=json -o json -p '[]' -f " +
                                   folder.file("ours.json", *ours) + " 2>/dev/null");
    ASSERT_FALSE(normal.is_null());
    EXPECT_EQ(theirs, normal) << json::serialize(theirs) << "\n" << json::serialize(normal);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace vcuda::tests
