#include "logs/quota.hpp"

#include <algorithm>

namespace logs {
namespace {

constexpr int64_t passed_max = 3'600'000;  // milliseconds: more fill nothing that is not full

}  // namespace

bool Rate::may(base::Time now) {
    // A clock that was set back fills nothing.
    const auto passed = std::clamp<int64_t>((now - last_).count(), 0, passed_max);
    last_ = now;
    left_ = std::min(left_ + per_second_ * passed / 1000, per_second_ * burst_seconds);
    return left_ > 0;
}

Writer writer_of(const std::string& account, const std::string& region, std::string_view group, std::string_view stream) {
    if (group != job_group) return {account, ""};
    return {account, account + "/" + region + "/" + std::string(stream.substr(0, stream.find('/')))};
}

Quota::Used& Quota::of_account(const std::string& account) {
    return accounts_.try_emplace(account, limits_.account_bytes_per_second_max).first->second;
}

Quota::Used* Quota::of_job(const std::string& job) {
    return job.empty() ? nullptr : &jobs_.try_emplace(job, limits_.job_bytes_per_second_max).first->second;
}

Quota::Answer Quota::take(const Writer& writer, uint64_t bytes, base::Time now) {
    const base::Lock lock(mutex_);
    Used& account = of_account(writer.account);
    Used* job = of_job(writer.job);
    if (bytes_ + bytes > limits_.bytes_max || account.bytes + bytes > limits_.account_bytes_max ||
        (job != nullptr && job->bytes + bytes > limits_.job_bytes_max))
        return Answer::full;
    if (!account.rate.may(now) || (job != nullptr && !job->rate.may(now))) return Answer::too_fast;
    for (Used* used : {&account, job}) {
        if (used == nullptr) continue;
        used->bytes += bytes;
        used->rate.take(bytes);
    }
    bytes_ += bytes;
    return Answer::granted;
}

void Quota::add(const Writer& writer, uint64_t bytes) {
    const base::Lock lock(mutex_);
    of_account(writer.account).bytes += bytes;
    if (Used* job = of_job(writer.job)) job->bytes += bytes;
    bytes_ += bytes;
}

void Quota::give_back(const Writer& writer, uint64_t bytes) {
    const base::Lock lock(mutex_);
    Used& account = of_account(writer.account);
    account.bytes -= std::min(account.bytes, bytes);
    bytes_ -= std::min(bytes_, bytes);
    if (Used* job = of_job(writer.job)) {
        job->bytes -= std::min(job->bytes, bytes);
        if (job->bytes == 0) jobs_.erase(writer.job);
    }
}

bool Quota::add_stream(const std::string& account, bool always) {
    const base::Lock lock(mutex_);
    Used& used = of_account(account);
    if (!always && used.streams >= limits_.account_streams_max) return false;
    ++used.streams;
    return true;
}

void Quota::remove_stream(const std::string& account) {
    const base::Lock lock(mutex_);
    Used& used = of_account(account);
    used.streams -= std::min<uint64_t>(used.streams, 1);
}

uint64_t Quota::bytes_of(const std::string& account) const {
    const base::Lock lock(mutex_);
    const auto found = accounts_.find(account);
    return found == accounts_.end() ? 0 : found->second.bytes;
}

}  // namespace logs
