#include "base/error.hpp"

namespace base {

std::string Error::describe() const {
    std::string out = code + ": " + message;
    for (const auto& text : notes) out += "\n  " + text;
    return out;
}

}  // namespace base
