// The single steps by which a principal comes to more: what it may do to itself, and as whom it may act (paths.hpp).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proof/paths.hpp"

namespace proof {

// A user or role, with what has been changed of it so far.
struct State {
    uint32_t holder = 0;
    std::string changes;  // which, in words: the same words, the same state
    size_t changes_count = 0;
    bool is_cut = false;  // a training job that is cut to what it names: it reads and writes S3, and does nothing else
    policy::PrincipalPolicies policies;
};

struct Transition {
    Step step;
    State to;
};

class Steps {
public:
    Steps(const AccountForPaths& account, const policy::Context& known, const PathLimits& limits);

    [[nodiscard]] std::vector<Transition> from(const State& state);
    // A principal that may do it; `nullopt`: none, or not known.
    [[nodiscard]] std::optional<WayIn> may(const State& state, const Target& target);
    // The step that changes the bucket's policy so that the target is reached.
    [[nodiscard]] std::optional<Step> by_bucket_policy(const State& state, const Target& target);

    [[nodiscard]] const HolderForPaths& holder(uint32_t number) const { return holders_[number]; }
    [[nodiscard]] size_t questions() const { return questions_; }
    [[nodiscard]] const std::string& open() const { return open_; }

private:
    struct Asked {
        bool may = false;
        std::optional<policy::Request> witness;
        // Resources that an Allow of its own policies is about, whatever its conditions; `everything`: any.
        std::vector<PatternTokens> patterns;
        bool everything = false;
        [[nodiscard]] bool may_be_about(const std::string& resource) const;
    };
    [[nodiscard]] std::optional<WayIn> allowed(const State& state, const std::string& action, const std::string& resource,
                                               const policy::Context& keys = {}, const policy::AttachedPolicy* policy = nullptr);
    void find_patterns(const State& state, const std::string& action, Asked& out) const;
    [[nodiscard]] const Asked& anywhere(const State& state, const std::string& action, const policy::Context& keys);
    [[nodiscard]] std::optional<WayIn> ask(const Subject& subject, const View& view, const std::string& action,
                                           const std::vector<std::string>& resources, const policy::Context& keys,
                                           const std::string& account);
    void add_roles(const State& state, std::vector<Transition>& out);
    void add_users(const State& state, std::vector<Transition>& out);
    void add_new(const State& state, std::vector<Transition>& out);
    // What `by` may change of `of`, which is `by` itself or a principal that it may act as, `as` first.
    void add_changes(const State& by, const State& of, const std::vector<WayIn>& as, std::vector<Transition>& out);
    [[nodiscard]] bool lets_sagemaker_in(uint32_t role);
    [[nodiscard]] std::optional<WayIn> assume(const State& state, const HolderForPaths& role,
                                              const policy::AttachedPolicy& trust);
    [[nodiscard]] State as_is(uint32_t holder) const;

    const AccountForPaths& account_;
    const policy::Context& known_;
    const PathLimits& limits_;
    std::deque<HolderForPaths> holders_;           // the account's, and those that are made
    std::deque<policy::PrincipalPolicies> made_;   // their policies
    std::deque<policy::AttachedPolicy> attached_;  // policies that steps put
    std::map<std::string, Asked> anywhere_;        // by state, action and keys
    const policy::AttachedPolicy trusts_account_;
    std::map<uint32_t, bool> trusts_sagemaker_;
    size_t questions_ = 0;
    std::string open_;
};

}  // namespace proof
