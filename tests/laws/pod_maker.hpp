// Makes pods that ask for injection, with every oddity the API server lets through. Must not know the
// injector.
#pragma once

#include <boost/json/value.hpp>

#include "tests/laws/dice.hpp"

namespace vcuda::tests {

// A pod with metadata and spec, different for every state of `dice`.
boost::json::object make_pod(Dice& dice);

// A policy document for it.
boost::json::object make_policy(Dice& dice);

}  // namespace vcuda::tests
