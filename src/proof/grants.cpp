#include "proof/grants.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/strings.hpp"
#include "policy/question.hpp"
#include "proof/grant_document.hpp"
#include "proof/grant_worlds.hpp"
#include "proof/grantees.hpp"
#include "proof/unknown_resources.hpp"

namespace proof {

using base::Result;
using policy::PolicyKind;
using policy::PolicyPtr;

namespace {

Answer unknown(const std::string& reason) { return {.kind = Answer::Kind::unknown, .witness = {}, .reason = reason}; }

// A yes ends it; a no is all noes.
class Answers {
public:
    // Is it enough?
    bool add(Answer answer) {
        if (answer.kind == Answer::Kind::yes || out_.kind == Answer::Kind::no) out_ = std::move(answer);
        return out_.kind == Answer::Kind::yes;
    }
    [[nodiscard]] Answer finish() && { return std::move(out_); }

private:
    Answer out_;
};

// What is asked of documents: the first grants it, the second, if there is one, does not.
struct Asked {
    std::vector<const GrantDocument*> documents;
    DocumentKind kind = DocumentKind::identity;
    std::vector<std::string> actions = {"*"}, resources = {"*"};
    bool of_the_public = false;
};

class Asking {
public:
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;
    Asking(Asked asked, const GrantLimits& limits)
        : asked_(std::move(asked)),
          limits_(limits),
          worlds_(worlds_of(asked_.documents, asked_.kind, asked_.actions, asked_.resources)),
          owner_(unnamed_account(worlds_.accounts)),
          open_(worlds_.open),
          work_{limits.work_max},
          engine_(limits.engine) {
        engine_.work = &work_;
        if (asked_.kind == DocumentKind::resource) {
            std::vector<PolicyPtr> policies;
            for (const GrantDocument* document : asked_.documents) policies.push_back(document->policy);
            grantees_ = asked_.of_the_public ? public_grantees(worlds_.accounts, owner_)
                                             : grantees_of(policies, worlds_.accounts, owner_);
        }
        if (worlds_.all.size() > limits.worlds_max) too_many_ = "accounts and regions of the policy";
        if (grantees_.size() > limits.grantees_max) too_many_ = "principals of the policy";
    }

    // `part`: of the first document; nullopt: all of it.
    Answer ask(std::optional<size_t> part) {
        Answer answer = ask_closed(part);
        // What was found holds, whatever else there may be.
        if (answer.kind == Answer::Kind::no && !open_.empty()) return unknown(open_);
        return answer;
    }

    // Is it this statement of the first document that speaks of what no world stands for, and the second document does not have it?
    [[nodiscard]] bool is_open_by(size_t statement) const {
        const GrantDocument& first = *asked_.documents[0];
        if (asked_.documents.size() > 1 && std::ranges::find(asked_.documents[1]->statements, first.statements[statement]) !=
                                               asked_.documents[1]->statements.end())
            return false;
        const auto alone =
            read_grant_document(with_one_statement(first.json.dump(), static_cast<uint32_t>(statement)), asked_.kind, limits_);
        if (!alone) return true;
        const GrantDocument* const only = &*alone;
        return !worlds_of(std::span(&only, 1), asked_.kind, asked_.actions, asked_.resources).open.empty();
    }

    // In the worlds that are asked about: what none of them stands for is no statement's fault.
    Answer ask_closed(std::optional<size_t> part) {
        if (!too_many_.empty()) return unknown(too_many_);
        Answers out;
        for (const World& world : worlds_.all)
            if (out.add(asked_.kind == DocumentKind::identity ? as_identity(world, part) : as_resource(world, part))) break;
        return std::move(out).finish();
    }

private:
    // As any user's and any role's of the account. What another account owns, its policies let everybody have.
    Answer as_identity(const World& world, std::optional<size_t> part) {
        const bool is_own = world.asking == world.account;
        policy::PrincipalPolicies first, second;
        first.identity.push_back({part_of(*asked_.documents[0], part), "the policy"});
        if (asked_.documents.size() > 1) second.identity.push_back({asked_.documents[1]->policy, "the other policy"});
        const policy::AttachedPolicy own = policy_leaving_to(world.account);
        const policy::AttachedPolicy* const resource = is_own ? &own : &policy_open_to_all();
        Answers out;
        for (const bool is_session : {false, true}) {
            const Grantee grantee = anyone_of(world.asking, is_session);
            const auto ask_as = [&](const Subject& subject) {
                Question question = question_of(subject, world.account, world.region, asked_.resources);
                question.allowed = {{&first, resource}};
                if (asked_.documents.size() > 1) question.refused = {{&second, resource}};
                return ask(question);
            };
            if (out.add(with_and_without_address(grantee.subject, ask_as))) break;
        }
        return std::move(out).finish();
    }

    Answer as_resource(const World& world, std::optional<size_t> part) {
        const GrantDocument there = moved(*asked_.documents[0], world.account, owner_);
        const policy::AttachedPolicy first{part_of(there, part), "the policy"};
        policy::AttachedPolicy second;
        if (asked_.documents.size() > 1) second = {moved(*asked_.documents[1], world.account, owner_).policy, "the other policy"};
        const auto resources = resources_of_owner(world);
        Answers out;
        for (const Grantee& grantee : grantees_) {
            const auto ask_as = [&](const Subject& subject) {
                Question question = question_of(subject, owner_, world.region, resources);
                question.allowed = {{&grantee.policies, &first}};
                if (second.policy) question.refused = {{&grantee.policies, &second}};
                return ask(question);
            };
            if (out.add(with_and_without_address(grantee.subject, ask_as))) break;
        }
        return std::move(out).finish();
    }

    // What a service does for its caller comes from no address.
    template <class Ask>
    Answer with_and_without_address(const Subject& subject, Ask&& ask_as) {
        Answers out;
        if (out.add(ask_as(subject)) || !worlds_.tells_addresses) return std::move(out).finish();
        Subject from_nowhere = subject;
        from_nowhere.absent.emplace_back("aws:sourceip");
        out.add(ask_as(from_nowhere));
        return std::move(out).finish();
    }

    [[nodiscard]] std::vector<std::string> resources_of_owner(const World& world) const {
        constexpr size_t arn_segments = 6, account_segment = 4;
        std::vector<std::string> out = asked_.resources;
        for (std::string& pattern : out) {
            const auto segments = base::split(pattern, ':');
            if (segments.size() < arn_segments || segments[account_segment] != world.account) continue;
            std::vector<std::string> parts(segments.begin(), segments.end());
            parts[account_segment] = owner_;
            pattern = base::join(parts, ":");
        }
        return out;
    }

    [[nodiscard]] Question question_of(const Subject& subject, const std::string& owner, const std::string& region,
                                       const std::vector<std::string>& resources) const {
        return {.subject = &subject,
                .allowed = {},
                .refused = {},
                .actions = asked_.actions,
                .except = {policy::actions_of_everybody.begin(), policy::actions_of_everybody.end()},
                .resources = resources,
                .resource_account = owner,
                .known = {},
                .region = region};
    }

    Answer ask(const Question& question) {
        for (const GrantDocument* document : asked_.documents) statements_ += document->statements.size();
        if (++questions_ > limits_.questions_max || statements_ > limits_.statements_asked_max) return unknown("questions");
        if (unknown_ >= limits_.unknown_max) return unknown(reason_);
        Answer out = prove(question, engine_);
        if (out.kind == Answer::Kind::unknown) ++unknown_, reason_ = out.reason;
        return out;
    }

    const Asked asked_;
    const GrantLimits& limits_;
    const Worlds worlds_;
    const std::string owner_;
    const std::string open_;
    Work work_;
    Limits engine_;
    std::string too_many_;
    std::vector<Grantee> grantees_;
    size_t questions_ = 0, statements_ = 0, unknown_ = 0;
    std::string reason_;  // of the last unknown
};

// Which statements it is that make the answer what it is.
Grants found(const GrantDocument& document, Asking& asking) {
    Answer whole = asking.ask(std::nullopt);
    Grants out{.kind = whole.kind, .statements = {}, .reason = std::move(whole.reason), .witness = std::move(whole.witness)};
    if (out.kind == Answer::Kind::no) return out;
    for (size_t i = 0; i < document.statements.size(); ++i) {
        if (denies(document.statements[i])) continue;
        const auto answer = asking.ask_closed(i);
        const bool may_itself = answer.kind == Answer::Kind::no && out.kind == Answer::Kind::unknown && asking.is_open_by(i);
        if (may_itself || answer.kind == Answer::Kind::yes ||
            (answer.kind == Answer::Kind::unknown && out.kind == Answer::Kind::unknown))
            out.statements.push_back(static_cast<uint32_t>(i));
    }
    return out;
}

}  // namespace

Result<Grants> find_new_access(std::string_view now, std::string_view before, DocumentKind kind, const GrantLimits& limits) {
    const GrantDocument first = TRY(read_grant_document(now, kind, limits)),
                        second = TRY(read_grant_document(before, kind, limits));
    if (is_part_of(first, second)) return Grants{};
    Asking asking({.documents = {&first, &second}, .kind = kind}, limits);
    return found(first, asking);
}

Result<Grants> find_granted(std::string_view text, DocumentKind kind, std::vector<std::string> actions,
                            std::vector<std::string> resources, const GrantLimits& limits) {
    const GrantDocument document = TRY(read_grant_document(text, kind, limits));
    if (actions.empty()) actions.emplace_back("*");
    if (resources.empty()) resources.emplace_back("*");
    Asking asking({.documents = {&document}, .kind = kind, .actions = std::move(actions), .resources = std::move(resources)},
                  limits);
    return found(document, asking);
}

Result<Grants> find_public(std::string_view text, const GrantLimits& limits) {
    const GrantDocument document = TRY(read_grant_document(text, DocumentKind::resource, limits));
    Asking asking({.documents = {&document}, .kind = DocumentKind::resource, .of_the_public = true}, limits);
    return found(document, asking);
}

}  // namespace proof
