// A key that is derived from one secret for one scope at a time, and kept until another scope is asked for: a signing key of Signature
// Version 4 costs four HMACs, and holds for a day.
#pragma once

#include <string>

#include "base/mutex.hpp"

namespace crypto {

// Any thread.
class DerivedKey {
public:
    // The key that `make()` returned for this scope, or returns now.
    template <class Make>
    [[nodiscard]] std::string find_or_make(const std::string& scope, Make make) {
        const base::Lock lock(mutex_);
        if (key_.empty() || scope_ != scope) {
            key_ = make();
            scope_ = scope;
        }
        return key_;
    }

private:
    base::Mutex mutex_;
    std::string scope_ GUARDED_BY(mutex_), key_ GUARDED_BY(mutex_);
};

}  // namespace crypto
