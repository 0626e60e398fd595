// The single steps by which a principal comes to more: what it may do to itself, and as whom it may act (paths.hpp).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "proof/caller_conditions.hpp"
#include "proof/paths.hpp"

namespace proof {

// What requests of a principal say of it by its own choice, or by a change of it.
struct CallerFacts {
    std::vector<TagChange> tags = {};
    std::string session_name = {}, source_identity = {};  // of a role's session; empty: any
    std::string user_arn = {};                            // of a user that was renamed
};

// A user or role, with what has been changed of it so far.
struct State {
    uint32_t holder = 0;
    std::string changes;  // which, in words: the same words, the same state
    size_t changes_count = 0;
    bool is_cut = false;  // a training job that is cut to what it names: it reads and writes S3, and does nothing else
    policy::PrincipalPolicies policies;
    CallerFacts facts = {};
};

struct Transition {
    Step step;
    State to;
};

class Steps {
public:
    Steps(const AccountForPaths& account, std::span<const Target> targets, const policy::Context& known,
          const PathLimits& limits);

    Steps(const Steps&) = delete;
    Steps& operator=(const Steps&) = delete;

    [[nodiscard]] std::vector<Transition> from(const State& state);
    // May it change any policy, or tag, at all? Not sure is yes.
    [[nodiscard]] bool may_change(const State& state);
    // What `by` may change of the user or role of `by_way`, as whom `state`, held as well, may act by that step alone.
    [[nodiscard]] std::vector<Transition> for_another(const State& by, const State& of, const Step& by_way);
    // A principal that may do it; `nullopt`: none, or not known.
    [[nodiscard]] std::optional<WayIn> may(const State& state, const Target& target);
    // The step that changes the bucket's policy, or the object's tags, so that the target is reached; by `state`, for `user`.
    [[nodiscard]] std::optional<Step> by_changing(const State& state, const State& user, const Target& target);

    [[nodiscard]] const HolderForPaths& holder(uint32_t number) const { return holders_[number]; }
    [[nodiscard]] size_t questions() const { return questions_; }
    [[nodiscard]] const std::string& open() const { return open_; }

private:
    using Requests = std::vector<WayIn>;
    struct Asked {
        bool may = false;
        std::optional<policy::Request> witness;
        // Resources that an Allow of its own policies is about, whatever its conditions; `everything`: any.
        std::vector<PatternTokens> patterns;
        bool everything = false;
        [[nodiscard]] bool may_be_about(const std::string& resource) const;
    };
    // Questions (steps.cpp).
    [[nodiscard]] Subject subject_of(const State& state) const;
    // Of the user or role as a resource.
    [[nodiscard]] policy::Context keys_of(const State& state) const;
    [[nodiscard]] std::optional<WayIn> allowed(const State& state, const std::string& action, const std::string& resource,
                                               const policy::Context& keys = {}, const policy::AttachedPolicy* policy = nullptr);
    void find_patterns(const State& state, const std::string& action, Asked& out) const;
    [[nodiscard]] const Asked& anywhere(const State& state, const std::string& action, const policy::Context& keys);
    [[nodiscard]] std::optional<WayIn> ask(const Subject& subject, const View& view, const std::string& action,
                                           const std::vector<std::string>& resources, const policy::Context& keys,
                                           const std::string& account, const std::string& region = {});
    [[nodiscard]] bool lets_sagemaker_in(uint32_t role);

    // Of a request that may bring tags of its own or a source identity, with the permissions that those need.
    [[nodiscard]] Requests whole(const State& state, const std::string& action, const std::string& resource,
                                 const policy::Context& keys = {}, const policy::AttachedPolicy* policy = nullptr);

    [[nodiscard]] Requests whole_of(const State& state, const WayIn& wanted, const std::string& resource,
                                    const policy::Context& keys, const policy::AttachedPolicy* policy);

    // What conditions ask for (steps_of_tags.cpp).
    void find_conditions(std::span<const Target> targets);
    // As `whole`; where a tag of the resource is all that is missing, after tagging it.
    [[nodiscard]] Requests allowed_or_tagged(const State& state, const std::string& action, const std::string& resource,
                                             const policy::Context& keys = {}, const policy::AttachedPolicy* policy = nullptr);
    [[nodiscard]] std::optional<Step> by_object_tags(const State& state, const Target& target);
    [[nodiscard]] CallerConditions conditions_on(const State& of);
    // Without what is so already.
    [[nodiscard]] std::vector<TagChange> useful_tags(const State& of);

    // Acting as another (steps_as_another.cpp).
    void add_roles(const State& state, std::vector<Transition>& out);
    void add_sessions(const State& state, uint32_t role, std::vector<Transition>& out);
    void add_users(const State& state, std::vector<Transition>& out);
    void add_new(const State& state, std::vector<Transition>& out);
    void add_made(const State& state, bool is_role, Requests making, std::vector<Transition>& out);
    // The role's session, by the first of these policies that lets the caller have one.
    struct Session {
        Requests requests;
        CallerFacts facts;
    };
    [[nodiscard]] std::optional<Session> assume(const State& state, const HolderForPaths& role,
                                                const policy::AttachedPolicy& trust);
    [[nodiscard]] Requests pass(const State& state, const std::string& role, const policy::Context& keys, const char* scope);
    [[nodiscard]] const Requests& create_job(const State& state, const char* scope);
    [[nodiscard]] Requests open_slurm_session(const State& state, uint32_t role);
    [[nodiscard]] const policy::AttachedPolicy& trusting(const std::string& principal, const std::string& name);
    [[nodiscard]] State as_is(uint32_t holder) const;

    // Changing what policies say (steps_of_policies.cpp).
    // What `by` may change of `of`, which is `by` itself or a principal that it may act as, `as` first.
    void add_changes(const State& by, const State& of, const Requests& as, std::vector<Transition>& out);
    class Changes;
    struct Attachment {
        Requests requests;
        policy::AttachedPolicy policy;
    };
    // What `by` may attach to the resource with this action, or make its boundary: the widest, else all. `key`: the condition key of
    // the policy's ARN.
    [[nodiscard]] std::vector<Attachment> attachments(const State& by, const std::string& action, const std::string& resource,
                                                      const policy::Context& keys, const char* key = "iam:PolicyARN");
    [[nodiscard]] std::optional<policy::AttachedPolicy> managed_policy(const std::string& arn) const;
    [[nodiscard]] std::optional<Step> by_bucket_policy(const State& state, const State& user, const Target& target);

    const AccountForPaths& account_;
    const policy::Context& known_;
    const PathLimits& limits_;
    Work work_;
    Limits each_;                                  // of a question
    std::deque<HolderForPaths> holders_;           // the account's, and those that are made
    std::deque<policy::PrincipalPolicies> made_;   // their policies
    std::deque<policy::AttachedPolicy> attached_;  // policies that steps put
    std::map<std::string, Asked> anywhere_;        // by state, action and keys
    const policy::AttachedPolicy trusts_account_;
    std::map<uint32_t, bool> trusts_sagemaker_;
    std::map<uint32_t, std::optional<WayIn>> passed_by_user_;  // of each role: a user who may pass it to a job
    std::map<std::string, Requests> jobs_;                     // by state and scope
    std::map<const policy::Policy*, CallerConditions> conditions_;
    CallerConditions of_resources_;  // what policies of resources that matter ask for
    size_t questions_ = 0;
    std::string open_;
};

}  // namespace proof
