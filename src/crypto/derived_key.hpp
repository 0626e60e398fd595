// A key that is derived from one secret for one scope at a time, and kept until another scope is asked for: a signing key of Signature
// Version 4 costs four HMACs, and holds for a day.
#pragma once

#include <mutex>
#include <string>

namespace crypto {

// Any thread.
class DerivedKey {
public:
    // The key that `make()` returned for this scope, or returns now.
    template <class Make>
    [[nodiscard]] std::string find_or_make(const std::string& scope, Make make) {
        const std::lock_guard lock(mutex_);
        if (key_.empty() || scope_ != scope) {
            key_ = make();
            scope_ = scope;
        }
        return key_;
    }

private:
    std::mutex mutex_;
    std::string scope_, key_;
};

}  // namespace crypto
