// What a policy document grants by itself, wherever it may hang: the questions behind Access Analyzer's custom policy checks.
//
// An identity policy is the only policy of any user of any account. A resource policy is the policy of any resource, and whoever it speaks to is
// allowed everything by the policies of an account of their own: what is left is what the document says. A document is about resources of more than
// one account or region if it names them; each is asked about, and one that it does not name.
//
// Source: IAM Access Analyzer API Reference, CheckNoNewAccess, CheckAccessNotGranted, CheckNoPublicAccess.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "proof/prove.hpp"

namespace proof {

enum class DocumentKind : uint8_t { identity, resource };

struct GrantLimits {
    size_t document_bytes_max = 64u << 10;
    size_t statements_max = 512;           // of one document
    size_t worlds_max = 128;               // accounts and regions that a document distinguishes
    size_t grantees_max = 128;             // principals that a resource policy distinguishes
    size_t unknown_max = 8;                // that the engine's limits leave open: then the rest is not asked
    size_t questions_max = 1'000;          // in all
    size_t statements_asked_max = 20'000;  // of all questions together
    size_t work_max = 100'000'000;         // of all questions together (automaton.hpp): about two seconds of a processor
    Limits engine = {.solver_steps_max = 20'000, .conflicts_max = 2'000};
};

// What was found of a document.
struct Grants {
    Answer::Kind kind = Answer::Kind::no;    // yes: it is granted; no: proved that it isn't
    std::vector<uint32_t> statements;        // the Allow statements that grant it, or may (unknown)
    std::string reason;                      // unknown: which limit, or what is open
    std::optional<policy::Request> witness;  // yes
};

// Errors of all three, for people: what is no policy of its kind (the code and the message of policy::Policy::parse), `LimitExceeded` naming the
// limit.
//
// Something that `now` grants and `before` does not.
[[nodiscard]] base::Result<Grants> find_new_access(std::string_view now, std::string_view before, DocumentKind kind,
                                                   const GrantLimits& limits = {});
// One of the actions on one of the resources: patterns, as in policies; none: any.
[[nodiscard]] base::Result<Grants> find_granted(std::string_view document, DocumentKind kind, std::vector<std::string> actions,
                                                std::vector<std::string> resources, const GrantLimits& limits = {});
// Something that a resource policy grants to whoever asks: is_public (compare.hpp), statement by statement.
[[nodiscard]] base::Result<Grants> find_public(std::string_view document, const GrantLimits& limits = {});

// The document with this statement, and those that deny, alone. `statement`: its place.
[[nodiscard]] std::string with_one_statement(std::string_view document, uint32_t statement);

}  // namespace proof
