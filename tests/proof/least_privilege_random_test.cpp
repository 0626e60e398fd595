// Least privilege of random policies of full shape and random records: the new policy allows every request of the record that the old ones allow, and
// nothing that they do not. The engine is asked about both; what proof says has to agree.
//
//   PROOF_SEED, LEAST_SETS   the first seed, and how many sets of policies
#include <doctest/doctest.h>

#include <cstdlib>

#include "base/error_codes.hpp"
#include "generator.hpp"
#include "policy/evaluate.hpp"
#include "proof/least_privilege.hpp"

namespace {

using proof::Answer;
using proof::Generality;

uint64_t number_from(const char* name, uint64_t otherwise) {
    const auto* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

bool allows(const policy::PrincipalPolicies& policies, const policy::AttachedPolicy* resource, const policy::Request& request) {
    return policy::decide(policy::Question(request), policies, resource).outcome == policy::Outcome::allow;
}

constexpr size_t requests_of_a_set = 24;

struct Seen {
    size_t sets = 0, unreadable = 0, needed = 0, narrower = 0, open = 0;
};

// `seed` makes policies and requests; the first half of the requests is the record.
void check(uint64_t seed, Generality generality, Seen& seen) {
    reference::Generator generator(reference::Dice(seed), {});
    reference::Question question;
    question.policies = generator.policies();
    const auto set = reference::policy_set(question.policies);
    const auto* resource = set.resource ? &*set.resource : nullptr;
    std::vector<policy::Request> requests;
    for (size_t i = 0; i < requests_of_a_set; ++i) {
        generator.ask(question);
        if (question.request.context.has_ambiguous()) continue;
        if (!requests.empty()) question.request.principal = requests.front().principal;
        requests.push_back(question.request);
    }
    if (requests.size() < 2 || requests.front().principal.account.empty()) return;
    std::vector<proof::RecordedAccess> record;
    for (size_t i = 0; i < requests.size() / 2; ++i)
        if (allows(set, resource, requests[i])) record.push_back({.request = requests[i], .resource = resource});
    proof::Subject subject;
    subject.principal = requests.front().principal;
    subject.is_any = true;
    INFO("PROOF_SEED=" << seed << " LEAST_SETS=1, generality " << static_cast<int>(generality));
    const auto made = proof::least_privilege(
        {.subject = &subject, .policies = &set, .record = record, .generality = generality, .regions = {"eu-central-1"}});
    if (!made) {
        CHECK(made.error().code == base::code::MalformedPolicyDocument);
        ++seen.unreadable;
        return;
    }
    ++seen.sets;
    INFO(made->document);
    CHECK(made->not_allowed_now.empty());
    CHECK(made->lost.empty());
    for (const auto& one : record) CHECK(allows(made->policies, resource, one.request));
    for (const auto& request : requests) {
        const bool now = allows(made->policies, resource, request), before = allows(set, resource, request);
        CHECK((!now || before));
        if (before && !now) ++seen.narrower;
        // What identity policies deny, they still deny.
        const auto said = [&](const policy::PrincipalPolicies& policies) {
            return policy::evaluate(policy::Question(request), policies, resource).said_by(policy::Layer::identity);
        };
        if (said(set) == policy::Outcome::explicit_deny) CHECK(said(made->policies) == policy::Outcome::explicit_deny);
    }
    CHECK(made->more.kind != Answer::Kind::yes);
    CHECK(made->undenied.kind != Answer::Kind::yes);
    if (made->more.kind == Answer::Kind::unknown || made->undenied.kind == Answer::Kind::unknown) ++seen.open;
    if (made->by_resource.size() < record.size()) ++seen.needed;
}

}  // namespace

TEST_CASE("least privilege of random policies and records") {
    const auto first = number_from("PROOF_SEED", 20260301), sets = number_from("LEAST_SETS", 600);
    Seen seen;
    for (uint64_t seed = first; seed < first + sets; ++seed)
        for (const auto generality : {Generality::exact, Generality::prefix, Generality::bucket}) check(seed, generality, seen);
    MESSAGE("made " << seen.sets << ", unreadable " << seen.unreadable << ", with a policy of its own " << seen.needed
                    << ", requests lost by narrowing " << seen.narrower << ", not proved " << seen.open);
    const bool few = sets < 100;  // to look at single ones
    CHECK((few || seen.needed * 5 > seen.sets));
    CHECK((few || seen.narrower * 2 > seen.sets));
    CHECK((few || seen.open * 20 < seen.sets));
}
