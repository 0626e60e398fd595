#include "audit/polling.hpp"

#include <utility>

namespace audit {

// Also where the clock was set back: nobody knows then how long ago it began.
bool Polling::is_over(const Followed& followed, base::Time now) const {
    return now < followed.text.time || now - followed.text.time >= interval_;
}

bool Polling::is_repeat(const std::string& sameness, base::Time now) const {
    const auto found = followed_.find(sameness);
    return found != followed_.end() && !is_over(found->second, now);
}

void Polling::recorded(const RecordText& text) {
    if (followed_.size() >= followed_max) return;
    // Of one whose summary is due, the count stays until it is written.
    followed_.try_emplace(sameness_of(text), Followed{.text = text});
}

bool Polling::repeated(const std::string& sameness, int status, base::Time time) {
    const auto found = followed_.find(sameness);
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
        if (followed.count > 0) {
            Summary summary{
                .text = std::move(followed.text), .answer = answer_text(followed.status, "", "", ""), .last = followed.last};
            std::string begin = "\"t\":" + std::to_string(followed.last.time_since_epoch().count());
            append_member(begin, "id", summary.text.followed_id);
            summary.text.replace_changing(begin);
            append_raw_member(summary.answer, "repeated", std::to_string(followed.count));
            append_raw_member(summary.answer, "since", std::to_string(followed.first.time_since_epoch().count()));
            out.push_back(std::move(summary));
        }
        one = followed_.erase(one);
    }
    return out;
}

}  // namespace audit
