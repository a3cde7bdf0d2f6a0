// See yaml_writer.hpp.
#include "tests/laws/yaml_writer.hpp"

#include <boost/json/serialize.hpp>

namespace vcuda::tests {
namespace json = boost::json;

namespace {

class Writer {
 public:
  explicit Writer(Dice& dice) : dice_(dice) {
    dash_indentation_ = dice_.of<std::size_t>({0, 2, 4});
    step_ = dice_.of<std::size_t>({2, 2, 4});
    flow_ = dice_.one_in(3);
    comments_ = dice_.one_in(2);
  }

  std::string run(const json::value& value) {
    if (dice_.one_in(3)) line("---" + std::string(dice_.one_in(3) ? " # begin" : ""));
    if (comments_) line("# at the head");
    mapping(value.get_object(), 0, "");
    if (comments_) line("# at the end");
    if (dice_.one_in(4)) out_.pop_back();
    if (dice_.one_in(4)) {
      std::string crlf;
      for (const char c : out_) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
      out_ = crlf;
    }
    if (dice_.one_in(10)) out_ = "\xEF\xBB\xBF" + out_;
    return out_;
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }
  std::string note() { return comments_ && dice_.one_in(4) ? "  # note: [x]" : ""; }

  void maybe_between(std::size_t indentation) {
    if (comments_ && dice_.one_in(5)) line(std::string(indentation, ' ') + "# between");
    if (dice_.one_in(10)) line("");
  }

  static bool is_simple(std::string_view text) {
    if (text.empty() || !((text[0] >= 'a' && text[0] <= 'z') || text[0] == '/')) return false;
    for (const char c : text)
      if (!((c >= 'a' && c <= 'z') || c == '/' || c == '.' || c == '-')) return false;
    return text != "yes" && text != "null" && text != "true" && text != "false" && text != "no" &&
           text != "y" && text != "n";
  }

  // One line; `key`: a key cannot be everything.
  std::string scalar(const json::value& value, bool key = false) {
    if (value.is_null()) return key ? "\"null\"" : dice_.of<const char*>({"null", "~", "Null"});
    if (value.is_object()) return "{}";
    if (value.is_array()) return dice_.of<const char*>({"[]", "[ ]"});
    if (!value.is_string()) return json::serialize(value);
    const std::string_view text = value.get_string();
    if (is_simple(text) && !dice_.one_in(4)) return std::string(text);
    if (text.find_first_of("\n\t\\") != std::string_view::npos || dice_.one_in(2))
      return json::serialize(value);
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
    return out + "'";
  }

  std::string flow(const json::value& value) {
    std::string out;
    if (value.is_object() && !value.get_object().empty()) {
      for (const auto& field : value.get_object())
        out += (out.empty() ? "{" : dice_.of<const char*>({", ", ",  "})) +
               scalar(json::string(field.key()), true) + ": " + flow(field.value());
      return out + dice_.of<const char*>({"}", " }", ",}"});
    }
    if (value.is_array() && !value.get_array().empty()) {
      for (const auto& item : value.get_array()) out += (out.empty() ? "[" : ", ") + flow(item);
      return out + "]";
    }
    return scalar(value);
  }

  static bool is_empty(const json::value& value) {
    return (value.is_object() && value.get_object().empty()) ||
           (value.is_array() && value.get_array().empty());
  }

  // What follows "key:" or "-".
  void value_after(const json::value& value, std::size_t indentation) {
    if ((!value.is_object() && !value.is_array()) || is_empty(value)) {
      if (value.is_null() && dice_.one_in(3)) return line(note());
      if (value.is_string() && dice_.one_in(3) && block_text(value.get_string(), indentation)) return;
      return line(" " + scalar(value) + note());
    }
    if (flow_ && dice_.one_in(4)) return line(" " + flow(value) + note());
    line(note());
    if (value.is_object()) {
      mapping(value.get_object(), indentation + step_, std::string(indentation + step_, ' '));
    } else {
      sequence(value.get_array(), indentation + dash_indentation_);
    }
  }

  // A literal block where the text is one: no leading blank, no odd characters, one line end.
  bool block_text(std::string_view text, std::size_t indentation) {
    if (text.empty() || text[0] == ' ' || text[0] == '\n' || text.find('\t') != std::string_view::npos)
      return false;
    const bool ends = text.back() == '\n';
    if (ends && text.size() > 1 && text[text.size() - 2] == '\n') return false;
    line(ends ? " |" : " |-");
    std::string_view rest = ends ? text.substr(0, text.size() - 1) : text;
    while (true) {
      const std::size_t end = rest.find('\n');
      line(std::string(indentation + step_, ' ') + std::string(rest.substr(0, end)));
      if (end == std::string_view::npos) return true;
      rest.remove_prefix(end + 1);
    }
  }

  // `first`: what the first line starts with ("- " was written already).
  void mapping(const json::object& object, std::size_t indentation, const std::string& first) {
    bool is_first = true;
    for (const auto& field : object) {
      if (!is_first) maybe_between(indentation);
      out_ +=
          (is_first ? first : std::string(indentation, ' ')) + scalar(json::string(field.key()), true) + ":";
      value_after(field.value(), indentation);
      is_first = false;
    }
  }

  void sequence(const json::array& list, std::size_t indentation) {
    for (const auto& item : list) {
      maybe_between(indentation);
      out_ += std::string(indentation, ' ') + "-";
      if (item.is_object() && !item.get_object().empty() && !(flow_ && dice_.one_in(4))) {
        if (dice_.one_in(8)) {
          line("");
          mapping(item.get_object(), indentation + 2, std::string(indentation + 2, ' '));
        } else {
          const std::size_t gap = dice_.of<std::size_t>({1, 1, 3});
          mapping(item.get_object(), indentation + 1 + gap, std::string(gap, ' '));
        }
      } else {
        line(" " + flow(item) + note());
      }
    }
  }

  Dice& dice_;
  std::size_t dash_indentation_;
  std::size_t step_;
  bool flow_;
  bool comments_;
  std::string out_;
};

}  // namespace

std::string write_yaml(const json::value& value, Dice& dice) { return Writer(dice).run(value); }

}  // namespace vcuda::tests
