// The records of a principal have most of their text alike: who, from where, the circumstances, what allowed it. It is prepared with
// the first of them; of each other one, what is its own is written.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "audit/record_text.hpp"

namespace audit {

// Of records with one access, allowed, that differ in nothing but `OwnText`. Immutable once shared.
struct PreparedText {
    // In the order of the line: w, p, f, c, d (record_text.hpp).
    std::array<const SharedText*, usual_shared_max> shared{};
    std::shared_ptr<const void> keeper;
    std::vector<Term> terms;
    bool changes = true, followed = false, authenticated = true;
    std::string stranger_at, stranger_key, followed_by, followed_operation;

    std::string context;  // members of condition keys that come with the principal and do not repeat; may be empty
};

// What such a record does not share.
struct OwnText {
    base::Time time;
    std::string_view request_id;
    std::string_view resource;
    std::string_view context;     // members of other condition keys that do not repeat (`append_entry`); may be empty
    std::string_view parameters;  // as Record::parameters
};

// nullptr: it cannot be told apart from its own, or is too large for a part of it to be shared.
[[nodiscard]] std::shared_ptr<PreparedText> prepare(const Record& record);
[[nodiscard]] RecordText text_of(const PreparedText& prepared, const OwnText& own);

}  // namespace audit
