// Members of a document that its shape does not have. Requests may bring such (AWS ignores them); a question that is misspelt must not be
// answered as another one.
#pragma once

#include <optional>
#include <string>

#include "model/shape.hpp"
#include "text/json.hpp"

namespace model {

struct UnknownMember {
    std::string place;    // the structure that lacks it, as in validation errors: `tags.1`; empty: the document itself
    std::string name;     // that it does not have
    std::string nearest;  // the member that may be meant; empty: none is near
};

// The first, in the document's order; nullopt: there is none. What has another type than its shape is not looked into.
[[nodiscard]] std::optional<UnknownMember> unknown_member(const Shape& shape, const text::Json& document);

}  // namespace model
