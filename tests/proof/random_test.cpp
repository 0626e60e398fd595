// Policies of full shape, every layer and caller, from the generator that the engine itself is tested with: no `no` that a random request
// contradicts, and no `unknown` where no variable is open.
//
//   PROOF_SEED, PROOF_SETS   the first seed, and how many sets of policies
#include <doctest/doctest.h>

#include <array>
#include <cstdlib>

#include "base/strings.hpp"
#include "generator.hpp"
#include "policy/public_access.hpp"
#include "policy/vocabulary.hpp"
#include "proof/prove.hpp"
#include "proof/resources.hpp"

namespace {

using proof::Answer;

constexpr const char* region = "eu-central-1";

uint64_t number_from(const char* name, uint64_t otherwise) {
    const auto* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

bool says_who_asks(const std::string& key) {
    return key.starts_with("aws:principal") || key == "aws:username" || key == "aws:userid";
}

// The request as one that can come: keys of the right type that such a request has, each once, and those that every request has.
policy::Request possible(const policy::Request& asked, proof::Subject& subject) {
    policy::Request out = asked;
    out.context = {};
    subject.principal = asked.principal;
    subject.known = {};
    for (const auto& entry : asked.context.entries()) {
        if (entry.ambiguous) continue;
        const auto put = [&](policy::Context& context) {
            if (entry.multivalued)
                context.set_list(entry.key, entry.values);
            else
                context.set(entry.key, entry.values.front());
        };
        if (says_who_asks(entry.key)) put(subject.known), put(out.context);
    }
    const policy::Context known = subject.known;
    const proof::Encoder encoder(subject, asked.action, asked.resource_account, known);
    for (const auto& entry : asked.context.entries()) {
        if (entry.ambiguous || says_who_asks(entry.key)) continue;
        const auto shape = encoder.shape_of(entry.key);
        if (!shape.may_be_there || shape.is_list != entry.multivalued) continue;
        const auto type = policy::find_key(entry.key);
        const auto fits = [&](const std::string& value) { return !type || policy::has_type(value, type->type); };
        if (!std::ranges::all_of(entry.values, fits)) continue;
        if (entry.multivalued)
            out.context.set_list(entry.key, entry.values);
        else
            out.context.set(entry.key, entry.values.front());
    }
    for (const auto& [key, value] : {std::pair{"aws:SecureTransport", "true"},
                                     {"aws:SourceIp", "192.0.2.7"},
                                     {"aws:CurrentTime", "2026-02-03T04:05:06Z"},
                                     {"aws:EpochTime", "1770091506"},
                                     {"aws:ViaAWSService", "false"},
                                     {"aws:RequestedRegion", region}})
        if (out.context.find(key) == nullptr) out.context.set(key, value);
    const std::string& owner = asked.resource_account.empty() ? asked.principal.account : asked.resource_account;
    if (!owner.empty()) out.context.set("aws:ResourceAccount", owner);
    return out;
}

bool has_form(const policy::Request& request, const std::string& partition) {
    const proof::ResourceOwner owner{
        .partition = partition,
        .account = request.resource_account.empty() ? request.principal.account : request.resource_account,
        .region = region};
    const auto formats = proof::resources_of(request.action, owner);
    return formats.empty() ||
           std::ranges::any_of(formats, [&](const auto& one) { return proof::matches(one, request.resource); });
}

bool allowed_by(const proof::View& view, const policy::Request& request) {
    const auto* resource = policy::applying_policy(
        request, {.policy = view.resource, .restricts_public = view.restricts_public, .is_public = view.policy_is_public});
    return policy::decide(policy::Question(request), *view.policies, resource).outcome == policy::Outcome::allow;
}

std::string described(const reference::Question& question, const policy::Request& request) {
    auto out = question;
    out.request = request;
    return out.as_case("x", policy::Outcome::allow);
}

}  // namespace

TEST_CASE("random policies of full shape against random requests") {
    const auto first = number_from("PROOF_SEED", 20260101), sets = number_from("PROOF_SETS", 1500);
    std::array<size_t, 3> answers{}, decided{};
    size_t asked = 0, open = 0;
    for (uint64_t seed = first; seed < first + sets; ++seed) {
        reference::Generator generator(reference::Dice(seed), {});
        reference::Question question, other;
        question.policies = generator.policies();
        other.policies = generator.policies();
        const auto set = reference::policy_set(question.policies), second = reference::policy_set(other.policies);
        for (int i = 0; i < 8; ++i) {
            generator.ask(question);
            proof::Subject subject;
            const auto request = possible(question.request, subject);
            if (!has_form(request, question.partition)) continue;
            const auto view = [seed](const policy::PolicySet& one) {
                return proof::View{.policies = &one,
                                   .resource = one.resource ? &*one.resource : nullptr,
                                   .restricts_public = seed % 3 == 0,
                                   .policy_is_public = seed % 9 == 0};
            };
            const auto allows = [&](const policy::PolicySet& one) { return allowed_by(view(one), request); };
            proof::Question asking{.subject = &subject, .allowed = {}, .refused = {}, .actions = {request.action}};
            // Asked so that this very request is one that would make the answer yes.
            (allows(set) ? asking.allowed : asking.refused).push_back(view(set));
            if (i % 2 == 1) (allows(second) ? asking.allowed : asking.refused).push_back(view(second));
            if (i % 4 >= 2 && request.resource.find_first_of("*?") == std::string::npos) asking.resources = {request.resource};
            asking.resource_account = request.resource_account;
            asking.region = region;
            if (i % 8 >= 4) asking.known = request.context;
            const auto found = proof::prove(asking);
            ++asked, ++answers[static_cast<size_t>(found.kind)], ++decided[allows(set) ? 1 : 0];
            const auto all = described(question, request) + "second\n" + described(other, request);
            if (found.kind == Answer::Kind::no)
                FAIL("PROOF_SEED=" << seed << " PROOF_SETS=1, request " << i << ": no, but\n" << all);
            if (found.kind == Answer::Kind::unknown) {
                ++open;
                if (!all.contains("${"))
                    FAIL("PROOF_SEED=" << seed << " PROOF_SETS=1, request " << i << ": unknown, " << found.reason << "\n" << all);
            }
            // And the other way round: whatever comes out, the engine has confirmed what is a yes.
            std::swap(asking.allowed, asking.refused);
            const auto back = proof::prove(asking);
            ++answers[static_cast<size_t>(back.kind)];
            if (back.kind == Answer::Kind::unknown) {
                ++open;
                if (!all.contains("${"))
                    FAIL("PROOF_SEED=" << seed << " PROOF_SETS=1, request " << i << " back: unknown, " << back.reason << "\n"
                                       << all);
            }
            if (back.kind == Answer::Kind::no) {
                // Some requests to try to contradict it.
                for (int more = 0; more < 6; ++more) {
                    reference::Question again = question;
                    generator.ask(again);
                    again.request.principal = question.request.principal;
                    again.request.action = request.action;
                    again.request.resource_account = request.resource_account;
                    if (asking.resources != std::vector<std::string>{"*"}) again.request.resource = request.resource;
                    for (const auto& entry : question.request.context.entries())
                        if (says_who_asks(entry.key)) again.request.context.erase(entry.key);
                    proof::Subject same;
                    auto tried = possible(again.request, same);
                    for (const auto& entry : same.known.entries()) tried.context.erase(entry.key);
                    tried.context.merge(subject.known);
                    if (!asking.known.entries().empty()) tried.context.merge(asking.known);
                    if (!has_form(tried, question.partition)) continue;
                    const auto allows_it = [&](const proof::View& one) { return allowed_by(one, tried); };
                    if (std::ranges::all_of(asking.allowed, allows_it) && std::ranges::none_of(asking.refused, allows_it))
                        FAIL("PROOF_SEED=" << seed << " PROOF_SETS=1, request " << i << ": no, but\n"
                                           << described(question, tried) << "second\n"
                                           << described(other, tried));
                }
            }
        }
    }
    MESSAGE(asked, " requests asked both ways: ", answers[0], " no, ", answers[1], " yes, ", answers[2], " unknown");
    CHECK(asked > sets);
    CHECK(answers[0] * 20 > asked);
    CHECK(open * 20 < asked);
    CHECK(decided[0] * 10 > asked);
    CHECK(decided[1] * 10 > asked);
}
