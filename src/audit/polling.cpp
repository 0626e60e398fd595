#include "audit/polling.hpp"

#include <utility>

#include "audit/cloudtrail.hpp"
#include "audit/value.hpp"
#include "crypto/digest.hpp"
#include "text/time.hpp"

namespace audit {

// Also where the clock was set back: it is unknown then how long ago it began.
bool Polling::is_over(const Followed& followed, base::Time now) const {
    return now < followed.text.time || now - followed.text.time >= interval_;
}

bool Polling::is_repeat(const std::string& sameness, base::Time now) const {
    const auto found = followed_.find(crypto::sha256(sameness));
    return found != followed_.end() && !is_over(found->second, now);
}

void Polling::recorded(const RecordText& text) {
    const std::string sameness = sameness_of(text);
    const size_t bytes = sameness.size();
    const auto places = by_principal_.find(text.followed_by);
    if (followed_.size() >= followed_max || bytes_ + bytes > followed_bytes_max) return;
    if (places != by_principal_.end() && places->second >= followed_by_principal_max) return;
    // Of one whose summary is due, the count stays until it is written.
    const auto [place, is_new] = followed_.try_emplace(crypto::sha256(sameness), Followed{.text = text, .bytes = bytes});
    if (!is_new) return;
    ++by_principal_[text.followed_by];
    bytes_ += bytes;
}

bool Polling::repeated(const std::string& sameness, int status, base::Time time) {
    const auto found = followed_.find(crypto::sha256(sameness));
    if (found == followed_.end()) return false;
    Followed& followed = found->second;
    if (followed.count++ == 0) followed.first = time;
    followed.last = time;
    followed.status = status;
    return true;
}

std::vector<Polling::Summary> Polling::due(base::Time now, bool all) {
    std::vector<Summary> out;
    for (auto one = followed_.begin(); one != followed_.end();) {
        Followed& followed = one->second;
        if (!all && !is_over(followed, now)) {
            ++one;
            continue;
        }
        const std::string by = followed.text.followed_by;
        if (followed.count > 0) {
            Summary summary{
                .text = std::move(followed.text), .answer = answer_text(followed.status, "", "", ""), .last = followed.last};
            std::string begin = "\"t\":" + std::to_string(followed.last.time_since_epoch().count());
            append_member(begin, "id", summary.text.followed_id);
            summary.text.replace_changing(begin);
            summary.text.terms.push_back(term_of(
                TermKind::event, derived_event_id(capped(summary.text.followed_id), capped(summary.text.followed_operation),
                                                  text::iso8601_millis(followed.last))));
            append_raw_member(summary.answer, "repeated", std::to_string(followed.count));
            append_raw_member(summary.answer, "since", std::to_string(followed.first.time_since_epoch().count()));
            out.push_back(std::move(summary));
        }
        bytes_ -= followed.bytes;
        if (const auto places = by_principal_.find(by); --places->second == 0) by_principal_.erase(places);
        one = followed_.erase(one);
    }
    return out;
}

}  // namespace audit
