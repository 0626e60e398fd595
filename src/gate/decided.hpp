// A request as it was decided, access by access, and what its record says. Nothing is copied to decide, and of a single access that is
// allowed (nearly every request) nothing to record it: it is decided on what an earlier request of the principal under the same
// circumstances left of the policies, and its text is put together from what their records have alike and from what it has of its own
// (gate/circumstances.hpp).
#pragma once

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/log.hpp"
#include "audit/record_text.hpp"
#include "base/small_vector.hpp"
#include "gate/access_question.hpp"
#include "gate/circumstances.hpp"
#include "gate/gate.hpp"
#include "gate/request_keys.hpp"
#include "identity/prepared.hpp"

namespace gate {

// What a record says of a request, whatever was decided.
struct RecordedRequest {
    const http::Request& http;
    const identity::Caller& caller;
    base::Time time;
    std::string_view request_id, service, operation, access_key_id;
};
[[nodiscard]] audit::Record record_of(const RecordedRequest& request);

// One request, one thread. The request must outlive it, unchanged.
class DecidedRequest final : public audit::Decided {
public:
    struct Inputs {
        identity::PreparedPtr principal;
        RequestFacts facts;
        std::string_view request_id, operation;
        std::string_view access_key_id;
    };
    // Decides each of the accesses. REQUIRES: there is one.
    DecidedRequest(Inputs inputs, std::vector<Access> accesses);
    DecidedRequest(const DecidedRequest&) = delete;
    DecidedRequest& operator=(const DecidedRequest&) = delete;

    // In their order. Of one that is refused: why.
    struct One {
        // `find_residual(question)`: of an earlier request; nullptr: there is none.
        template <class Find>
        One(const identity::PreparedPrincipal& principal, const Access& access, RequestKeys& keys, Find find_residual)
            : question(principal, access, keys), verdict(decide(find_residual(question))) {
            if (!is_allowed()) explain();
        }
        [[nodiscard]] bool is_allowed() const { return verdict.outcome == policy::Outcome::allow; }
        [[nodiscard]] audit::DecidedAccess recorded() const;

        AccessQuestion question;
        policy::Verdict verdict;
        std::optional<audit::DecidedAccess> refused;  // asked with notes; for its answer and its record

    private:
        [[nodiscard]] policy::Verdict decide(const policy::Residual* residual) const {
            return residual != nullptr ? question.decide(*residual) : question.decide();
        }
        void explain();
    };
    [[nodiscard]] size_t size() const { return accesses_.size(); }
    template <class Use>
    void each(Use use) const {
        use(*first_);
        for (const One& one : others_) use(one);
    }
    [[nodiscard]] const One& first() const { return *first_; }

    std::string parameters;  // as Record::parameters

    [[nodiscard]] audit::RecordText text() const override;
    [[nodiscard]] audit::Record whole() const override;

private:
    // Of an earlier request; nullptr: there is none.
    [[nodiscard]] const audit::PreparedText* find_prepared() const;
    // The first under these circumstances, kept for others; nullptr: it is none of those that can be.
    [[nodiscard]] std::shared_ptr<const audit::PreparedText> prepare_first() const;
    void append_changing(std::string& members) const;
    void find_circumstances(const AccessQuestion& question);
    void find_keys_of_sources(const AccessQuestion& question);
    template <class Into>
    void add_sources(const AccessQuestion& question, Into& into) const;
    [[nodiscard]] std::shared_ptr<const audit::PreparedText> prepare() const;
    [[nodiscard]] std::shared_ptr<const Circumstances> circumstances_with(std::shared_ptr<const audit::PreparedText> text) const;

    const Inputs inputs_;
    RequestKeys keys_;
    const std::vector<Access> accesses_;
    std::optional<One> first_;  // nearly always the only one
    bool has_sources_ = false;  // else it cannot be said what its circumstances are made of, or there are several accesses
    // Of the resource and of what was asked, the keys that other requests have, too: all that copies of a context have together …
    const void* shared_keys_ = nullptr;
    base::SmallVector<const policy::Context::Entry*, 4> repeating_keys_;  // … or else one by one
    bool has_changing_keys_ = false;                                      // are there such as others have not?
    std::shared_ptr<const Circumstances> circumstances_;                  // nullptr: the first request under them
    std::list<One> others_;
};

}  // namespace gate
