// From the bytes of an AdmissionReview to the bytes of its answer: parse, decide, patch, serialise. Pure: no
// socket, file, clock or log; what a shell wants to count or log is in the Answer.
#pragma once
#include <string_view>

#include "injector/policy.hpp"
#include "webhook/answer.hpp"

namespace vcuda::webhook {

// Answers one review (v1 or v1beta1, echoed). Never throws but std::bad_alloc. Thread-safe. At most one pass
// over `body` beyond parsing; the answer never contains any of the pod but what a patch must repeat (merged
// environment values).
Answer answer(std::string_view body, const injector::Policy& policy);

}  // namespace vcuda::webhook
