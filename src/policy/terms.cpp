#include "policy/terms.hpp"

namespace policy {

void RequestTerms::find_segments() {
    are_segments_known_ = true;
    term::each_segment(resource, [&](size_t begin, size_t size) {
        has_too_many_ = segment_count_ == segments_max;
        if (has_too_many_) return false;
        segments_[segment_count_++] = {static_cast<uint32_t>(begin), term::of_text(resource.substr(begin, size)),
                                       term::length_of_segment(size)};
        return true;
    });
}

}  // namespace policy
