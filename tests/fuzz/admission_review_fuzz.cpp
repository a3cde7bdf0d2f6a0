// Any bytes as the body of a review: the answer is a review or a 400, is JSON, and a patch in it applies to
// the pod.
#include <openssl/evp.h>

#include <boost/json/parse.hpp>
#include <cstdint>
#include <cstdlib>

#include "injector/json_patch.hpp"
#include "webhook/admission.hpp"
#include "webhook/limits.hpp"
#include "webhook/review.hpp"

namespace json = boost::json;
using namespace vcuda;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_patch(std::string_view input, const json::object& response) {
  const json::string& encoded = response.at("patch").as_string();
  std::string decoded(encoded.size(), '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                                     reinterpret_cast<const unsigned char*>(encoded.data()),
                                     static_cast<int>(encoded.size()));
  require(length > 0);
  decoded.resize(static_cast<std::size_t>(length) - (encoded.ends_with("==")  ? 2
                                                     : encoded.ends_with("=") ? 1
                                                                              : 0));
  const auto tree = webhook::parse_json(input, {});
  require(tree.has_value());
  const auto patched =
      injector::apply_patch(tree->at("request").at("object"), json::parse(decoded).as_array());
  require(patched.has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const injector::Policy policy = [] {
    injector::Policy made;
    made.server = "vcuda-server.vcuda.svc";
    return made;
  }();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const webhook::Answer answer = webhook::answer(input, policy);
  const json::value body = json::parse(answer.body);
  require(!answer.reason.empty());
  if (answer.status != 200) {
    require(answer.status == 400 && answer.outcome == webhook::Outcome::invalid &&
            body.as_object().contains("error"));
    return 0;
  }
  const json::object& response = body.at("response").as_object();
  require(response.at("uid").as_string() == json::string_view(answer.uid.data(), answer.uid.size()));
  require(response.at("allowed").as_bool() == (answer.outcome != webhook::Outcome::denied));
  require(response.contains("patch") == (answer.outcome == webhook::Outcome::injected));
  if (response.contains("patch")) check_patch(input, response);
  return 0;
}
