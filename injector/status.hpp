// The annotation tensor-fusion.ai/status: what the injector added to a pod and took from it, as JSON in a
// string. patch() writes it, undo() reads it; a second patch() takes it as a hint about the first and checks
// the pod itself. Must not know how to add or take anything.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "injector/plan.hpp"
#include "injector/result.hpp"

namespace vcuda::injector {

// The format written today; another number in a pod is an error, not a guess.
inline constexpr int status_version = 1;
// The API server's limit for all annotations of an object together is 256 KiB.
inline constexpr std::size_t max_status_bytes = 256 * 1024;
// Of one list or map in a status, and of its targets: what we write is far below.
inline constexpr std::size_t max_status_entries = 64;
inline constexpr std::size_t max_status_targets = 1024;

// What a list or map was before we put something into it: it was there, it was not, or it was null.
enum class Before { present, absent, null };

// What happened to one container of the user's.
struct ContainerStatus {
  Target target;
  boost::json::object written;         // variable -> the value we wrote, for each variable we wrote
  boost::json::object replaced;        // variable -> the user's whole entry that our value replaced
  std::vector<std::string> renamed;    // variables whose valueFrom entry now has original_name()
  bool mounted = false;                // our volumeMount was added
  boost::json::object taken_limits;    // GPU resource -> the amount it had
  boost::json::object taken_requests;  // the same for requests
  Before env = Before::present;
  Before volume_mounts = Before::present;
};

struct Status {
  std::vector<std::string> volumes;  // names added to each list
  std::vector<std::string> init_containers;
  std::vector<std::string> containers;
  std::vector<std::string> pull_secrets;
  Before volumes_before = Before::present;
  Before init_containers_before = Before::present;
  Before pull_secrets_before = Before::present;
  Before annotations_before = Before::present;
  std::vector<ContainerStatus> targets;

  // The record of a target; made when there is none.
  ContainerStatus& of(const Target& target);
  // Nothing was added and nothing taken.
  bool empty() const;
};

// The annotation's value: compact JSON with keys in a fixed order, and a hash over the rest as its last
// member.
std::string serialize(const Status& status);

// Reads the annotation's value. Error: not JSON, unknown version, a member of the wrong type, or a hash that
// does not fit (somebody edited it).
Result<Status> parse_status(std::string_view text);

// The status a pod carries: nothing, a status, or why it cannot be read.
Result<std::optional<Status>> status_of(const boost::json::value& pod);

}  // namespace vcuda::injector
