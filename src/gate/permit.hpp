// Proof that a request was authenticated, authorized and recorded. Only the Gate makes one.
#pragma once

#include <map>
#include <string>

#include "base/clock.hpp"
#include "identity/caller.hpp"

namespace gate {

class Permit {
public:
    Permit(const Permit&) = delete;
    Permit& operator=(const Permit&) = delete;

    [[nodiscard]] const identity::Caller& caller() const { return caller_; }
    [[nodiscard]] const std::string& account() const { return caller_.principal.account; }
    [[nodiscard]] const std::string& request_id() const { return request_id_; }
    [[nodiscard]] base::Time time() const { return time_; }  // when the request was admitted
    // Of the access at this index of what `classify` returned: AWS's sentence if it was refused, nullptr if it was allowed.
    // Only accesses marked `separate` can be refused here.
    [[nodiscard]] const std::string* refusal(size_t access) const {
        const auto found = refusals_.find(access);
        return found == refusals_.end() ? nullptr : &found->second;
    }

private:
    friend class Gate;
    Permit(const identity::Caller& caller, std::string request_id, base::Time time, std::map<size_t, std::string> refusals = {})
        : caller_(caller), request_id_(std::move(request_id)), time_(time), refusals_(std::move(refusals)) {}

    const identity::Caller& caller_;
    std::string request_id_;
    base::Time time_;
    std::map<size_t, std::string> refusals_;
};

}  // namespace gate
