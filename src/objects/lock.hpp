// Object lock: what may become of a version that is kept. Pure.
//
// Source: Amazon S3 User Guide, "Locking objects with Object Lock"; API Reference, PutObjectRetention, PutObjectLegalHold.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace objects {

enum class RetentionMode : uint8_t { governance = 1, compliance = 2 };
[[nodiscard]] std::string_view name_of(RetentionMode mode);  // GOVERNANCE
[[nodiscard]] std::optional<RetentionMode> retention_mode(std::string_view name);

struct Retention {
    RetentionMode mode = RetentionMode::governance;
    base::Time until;
    bool operator==(const Retention&) const = default;
};

struct ObjectLock {
    std::optional<Retention> retention;
    std::optional<bool> legal_hold;  // absent: never said
    [[nodiscard]] bool any() const { return retention || legal_hold; }
    bool operator==(const ObjectLock&) const = default;
};

// What every new version of a bucket gets that says nothing else.
constexpr uint32_t retention_days_max = 36500;
constexpr uint32_t retention_years_max = 100;
struct DefaultRetention {
    RetentionMode mode = RetentionMode::governance;
    uint32_t days = 0, years = 0;  // one of both
    [[nodiscard]] base::Time until(base::Time now) const;
    bool operator==(const DefaultRetention&) const = default;
};

// Of a change or a removal of what is locked.
enum class LockAnswer : uint8_t {
    yes,
    with_bypass,  // by who may bypass governance and says so
    no,
};
[[nodiscard]] LockAnswer may_delete(const ObjectLock& lock, base::Time now);
// `wanted` absent: the retention is taken away.
[[nodiscard]] LockAnswer may_retain(const std::optional<Retention>& current, const std::optional<Retention>& wanted,
                                    base::Time now);
// Of a bucket without object lock.
[[nodiscard]] base::Error no_lock_configuration();
// Error `AccessDenied`.
[[nodiscard]] base::Result<void> allow(LockAnswer answer, bool bypasses);

}  // namespace objects
