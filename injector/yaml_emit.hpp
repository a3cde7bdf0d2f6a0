// JSON values as new YAML text: block style in the manner of the file it goes into, or flow style on one
// line. Must not know the text around it.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace vcuda::injector {

// How a file is written, so that what we add looks like what is there.
struct YamlStyle {
  std::string newline = "\n";            // or "\r\n"
  std::size_t sequence_indentation = 2;  // of "- " under its key; many write 0
  std::size_t mapping_indentation = 2;   // of a nested mapping's keys
};

// A scalar on one line: plain where no reader could take it for something else, else in quotes.
std::string emit_scalar(const boost::json::value& scalar);

// `value` as what follows "KEY:": " scalar", or line breaks and lines whose keys stand at `indentation` +
// style. Lists of scalars and empty collections stay on the line. No line break at the end.
std::string emit_after_key(const boost::json::value& value, std::size_t indentation, const YamlStyle& style);

// `value` as what follows "- " of an item whose content stands at column `indentation`: the first line has no
// indentation. No line break at the end.
std::string emit_item(const boost::json::value& value, std::size_t indentation, const YamlStyle& style);

// The key of a mapping, quoted where it must be.
std::string emit_key(std::string_view key);

// `value` as JSON, which every flow collection takes.
std::string emit_flow(const boost::json::value& value);

}  // namespace vcuda::injector
