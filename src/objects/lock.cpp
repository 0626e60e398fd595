#include "objects/lock.hpp"

#include "base/error_codes.hpp"

namespace objects {
namespace {

// Until its last millisecond, and through it.
bool holds(const std::optional<Retention>& retention, base::Time now) { return retention && retention->until > now; }

}  // namespace

std::string_view name_of(RetentionMode mode) { return mode == RetentionMode::compliance ? "COMPLIANCE" : "GOVERNANCE"; }

std::optional<RetentionMode> retention_mode(std::string_view name) {
    for (const auto mode : {RetentionMode::governance, RetentionMode::compliance})
        if (name == name_of(mode)) return mode;
    return std::nullopt;
}

base::Time DefaultRetention::until(base::Time now) const {
    if (days > 0) return now + std::chrono::days(days);
    // The same day of another year; of February 29, the day after.
    const auto day = std::chrono::floor<std::chrono::days>(now);
    std::chrono::year_month_day date{day};
    date += std::chrono::years(years);
    const auto then = date.ok() ? std::chrono::sys_days(date) : std::chrono::sys_days(date.year() / std::chrono::March / 1);
    return then + (now - day);
}

LockAnswer may_delete(const ObjectLock& lock, base::Time now) {
    if (lock.legal_hold.value_or(false)) return LockAnswer::no;
    if (!holds(lock.retention, now)) return LockAnswer::yes;
    return lock.retention->mode == RetentionMode::governance ? LockAnswer::with_bypass : LockAnswer::no;
}

LockAnswer may_retain(const std::optional<Retention>& current, const std::optional<Retention>& wanted, base::Time now) {
    if (!holds(current, now)) return LockAnswer::yes;
    const bool keeps = wanted && wanted->mode == current->mode && wanted->until >= current->until;
    if (keeps) return LockAnswer::yes;
    return current->mode == RetentionMode::governance ? LockAnswer::with_bypass : LockAnswer::no;
}

base::Error no_lock_configuration() { return {base::code::InvalidRequest, "Bucket is missing Object Lock Configuration"}; }

base::Result<void> allow(LockAnswer answer, bool bypasses) {
    if (answer == LockAnswer::yes || (answer == LockAnswer::with_bypass && bypasses)) return {};
    return base::fail(base::code::AccessDenied, "Access Denied because object protected by object lock.");
}

}  // namespace objects
