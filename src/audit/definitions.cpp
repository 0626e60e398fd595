#include "audit/definitions.hpp"

#include <atomic>

namespace audit {
namespace {

std::atomic<uint32_t> segments{0};  // that this process has begun to write

}  // namespace

void Definitions::begin_segment(uint32_t count) {
    by_text_.clear();
    bytes_ = 0;
    next_ = count;
    segment_ = ++segments;
}

std::optional<uint32_t> Definitions::look_up(const SharedText& text) const {
    const auto found = by_text_.find(text.text);
    if (found == by_text_.end()) return std::nullopt;
    text.is_in(segment_, found->second);
    return found->second;
}

void Definitions::add(const SharedText& text) {
    text.is_in(segment_, next_);
    by_text_.emplace(text.text, next_++);
    bytes_ += text.text.size();
}

}  // namespace audit
