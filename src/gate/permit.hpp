// Proof that a request was authenticated, authorized and recorded. Only the Gate makes one.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/error_codes.hpp"
#include "base/result.hpp"
#include "identity/caller.hpp"
#include "identity/prepared.hpp"
#include "policy/request.hpp"

namespace identity {
class Directory;
}

namespace wire {
struct Call;
}

namespace gate {

template <class Prepared>
class RequiredAccesses;

// Something that a handler may use if a separate access of the request is allowed (operation.hpp, RequiredAccesses::separate).
template <class T>
class AuthorizedInput {
    template <class Prepared>
    friend class RequiredAccesses;
    friend class Permit;
    AuthorizedInput(size_t access, T value) : access_(access), value_(std::move(value)) {}
    size_t access_;
    T value_;
};

class Permit {
public:
    Permit(const Permit&) = delete;
    Permit& operator=(const Permit&) = delete;

    [[nodiscard]] const identity::Caller& caller() const { return caller_; }
    [[nodiscard]] const std::string& account() const { return caller_.principal.account; }
    [[nodiscard]] const std::string& request_id() const;
    [[nodiscard]] const std::string& region() const;         // that serves the request
    [[nodiscard]] bool is_secure() const;                    // nobody between here and the client can read or change it
    [[nodiscard]] bool is_signed_v4() const;                 // by Signature Version 4, in any of its forms
    [[nodiscard]] base::Time time() const { return time_; }  // when the request was admitted
    // The global condition keys of the request: for a handler that decides more under them (decide.hpp), access by access as it
    // finds out what there is. Worked out when called.
    [[nodiscard]] policy::Context global_keys() const;
    // The lease that a session lives by is still held (identity/lease.hpp); nothing for other callers. Error `ExpiredToken`.
    [[nodiscard]] base::Result<void> check_lease() const;
    // Of the access at this index of what `RequestExecution::accesses` gave: AWS's sentence if it was refused, nullptr if it was allowed.
    // Only accesses marked `separate` can be refused here.
    [[nodiscard]] const std::string* refusal(size_t access) const {
        const auto found = refusals_.find(access);
        return found == refusals_.end() ? nullptr : &found->second;
    }

    // What was guarded, if its access is allowed; else `AccessDenied` with AWS's sentence.
    template <class T>
    [[nodiscard]] base::Result<T> open(AuthorizedInput<T>&& guarded) const {
        if (const std::string* sentence = refusal(guarded.access_)) return base::fail(base::code::AccessDenied, *sentence);
        return std::move(guarded.value_);
    }

private:
    friend class Gate;
    Permit(identity::PreparedPtr principal, identity::Directory& directory, const wire::Call& call, base::Time time,
           std::map<size_t, std::string> refusals)
        : principal_(std::move(principal)),
          caller_(principal_->caller),
          directory_(directory),
          call_(call),
          time_(time),
          refusals_(std::move(refusals)) {}

    identity::PreparedPtr principal_;
    const identity::Caller& caller_;
    identity::Directory& directory_;
    const wire::Call& call_;
    base::Time time_;
    std::map<size_t, std::string> refusals_;
};

}  // namespace gate
