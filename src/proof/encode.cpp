#include "proof/encode.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/catalogue.hpp"
#include "policy/hash.hpp"
#include "policy/public_access.hpp"
#include "policy/question.hpp"
#include "policy/reference.hpp"
#include "policy/service_rules.hpp"
#include "proof/actions.hpp"

namespace proof {

namespace {

using policy::Grant;
using policy::PolicyKind;
using policy::PrincipalKind;

bool has_principals(PolicyKind kind) {
    return kind == PolicyKind::resource || kind == PolicyKind::trust || kind == PolicyKind::resource_control;
}

// Keys that say who asks: all that a principal has is known of it.
bool is_of_principal(std::string_view key) {
    return key.starts_with("aws:principal") || key == "aws:username" || key == "aws:userid" || key == "aws:federatedprovider" ||
           key == "aws:sourceidentity" || key == "aws:assumedroot";
}
// Keys that every request has.
bool is_always_there(std::string_view key) {
    return key == "aws:securetransport" || key == "aws:currenttime" || key == "aws:epochtime" || key == "aws:sourceip" ||
           key == "aws:requestedregion" || key == "aws:viaawsservice";
}

// Keys of a service that every request for the action has.
bool is_always_there(std::string_view key, std::string_view lower_action, PrincipalKind kind) {
    if (key == "sts:rolesessionname") return lower_action.starts_with("sts:assumerole");
    if (key == "iam:policyarn")
        return lower_action.ends_with("policy") &&
               (lower_action.starts_with("iam:attach") || lower_action.starts_with("iam:detach"));
    const bool is_signed = kind != PrincipalKind::anonymous && kind != PrincipalKind::service;
    return is_signed && lower_action.starts_with("s3:") && (key == "s3:authtype" || key == "s3:signatureversion");
}

// Keys of services that requests to other services have, if the caller runs there.
constexpr std::string_view training_scope = "trainwarden:trainingscope", create_training_job = "sagemaker:createtrainingjob";

bool is_of_caller(std::string_view key) {
    return key.starts_with("ec2:sourceinstance") || key == "ec2:roledelivery" || key == "lambda:sourcefunctionarn" ||
           key == "ssm:sourceinstancearn" || key == "glue:roleassumedby" || key == "glue:credentialissuingservice" ||
           key == "identitystore:userid";
}

void append(std::string& out, const Tokens& tokens) {
    for (const Token& token : tokens) {
        out += static_cast<char>('a' + static_cast<int>(token.kind));
        out += static_cast<char>('A' + static_cast<int>(token.set));
        out += std::to_string(static_cast<uint32_t>(token.character));
        out += ',';
    }
    out += ';';
}

// Patterns with the same variables of unknown value and the same rest match the same texts.
void append(std::string& out, const PatternTokens& one) {
    append(out, one.tokens);
    for (const auto& variable : one.open) out += "~" + variable + "~;";
}

std::vector<std::string> keys_of(const std::vector<std::string>& open) {
    std::vector<std::string> out;
    for (const auto& one : open) out.push_back(one.substr(0, one.find(',')));
    return out;
}

void add_keys(std::vector<std::string>& to, const std::vector<std::string>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

bool has_variables(const policy::Condition& condition, std::span<const policy::ConditionValue> values) {
    return policy::compares_patterns(condition.op.comparison) &&
           std::ranges::any_of(values, [](const policy::ConditionValue& value) { return value.pattern.has_variables(); });
}

policy::PolicyPtr allowing_when(const std::string& one, const std::string& other) {
    const std::string head = R"({"Effect":"Allow","Action":"*","Resource":"*","Condition":)";
    return policy::Policy::parse(R"({"Version":"2012-10-17","Statement":[)" + head + one + "}," + head + other + "}]}",
                                 PolicyKind::identity)
        .value();
}

constexpr const char* no_session = R"({"Null":{"aws:TokenIssueTime":"true"}})";

// A user's own credentials, or temporary ones that came with a second factor (R78).
const policy::PolicyPtr& with_second_factor() {
    static const auto parsed = allowing_when(no_session, R"({"Bool":{"aws:MultiFactorAuthPresent":"true"}})");
    return parsed;
}
const policy::PolicyPtr& without_session() {
    static const auto parsed = allowing_when(no_session, no_session);
    return parsed;
}

}  // namespace

const policy::AttachedPolicy* applying_policy(const policy::Request& request, const View& view) {
    return policy::applying_policy(
        request, {.policy = view.resource, .restricts_public = view.restricts_public, .is_public = view.policy_is_public});
}

Encoder::Encoder(const Subject& subject, std::string action, std::string resource_account, const policy::Context& known)
    : subject_(subject),
      action_(std::move(action)),
      lower_(base::lower(action_)),
      service_(lower_.substr(0, lower_.find(':'))),
      owner_(resource_account.empty() ? std::string(subject.principal.account) : std::move(resource_account)),
      same_account_(owner_ == subject.principal.account),
      known_(&known),
      variables_{.known = &known,
                 .is_free = [](const void* of,
                               std::string_view key) { return static_cast<const Encoder*>(of)->shape_of(key).may_be_there; },
                 .of = this},
      names_(subject.principal, lower_) {}

KeyShape Encoder::shape_of(std::string_view key) const {
    const std::string lower = base::lower(key);
    KeyShape out{.is_list = policy::key_holds_list(lower)};
    if (std::ranges::any_of(subject_.absent, [&](const std::string& one) { return lower.starts_with(one); }) ||
        (as_unknown_ && policy::is_lost_by_unknown(lower))) {
        out.may_be_there = false;
        return out;
    }
    const std::string_view service = std::string_view(lower).substr(0, lower.find(':'));
    if (service == "aws") {
        if (is_of_principal(lower)) {
            out.may_be_there = subject_.is_any;
            for (const OpenKey& open : subject_.open) {
                if (open.key != lower && !(open.key.ends_with('/') && lower.starts_with(open.key))) continue;
                out.may_be_there = true;
                out.may_be_missing = open.is_optional;
                out.pattern = open.pattern;
            }
        }
        if (is_always_there(lower)) out.may_be_missing = false;
        // What a service does of its own comes from no address.
        if (lower == "aws:sourceip" && subject_.principal.kind == PrincipalKind::service) out.may_be_missing = true;
        if (lower == "aws:tokenissuetime") {
            const auto kind = subject_.principal.kind;
            out.may_be_missing = kind != PrincipalKind::role_session && kind != PrincipalKind::federated_user;
            out.may_be_there = kind != PrincipalKind::anonymous && kind != PrincipalKind::service;
        }
        return out;
    }
    if (service == "s3" && service_ == "s3") {
        if (policy::is_s3_key(lower) && !policy::is_key_of_s3_action(lower, lower_)) out.may_be_there = false;
        if (is_always_there(lower, lower_, subject_.principal.kind)) out.may_be_missing = false;
        return out;
    }
    if (is_of_caller(lower)) return out;
    // How much of its role a job gets: of the one who makes it, and of the one who passes the role (models/sagemaker.yaml).
    if (lower == training_scope) {
        out.may_be_there = lower_ == "iam:passrole" || lower_ == create_training_job;
        out.may_be_missing = lower_ != create_training_job;
        return out;
    }
    // Keys of identity providers (`accounts.google.com:aud`, `saml:aud`) come with the actions that they vouch for.
    const bool of_provider = service.contains('.') || service == "saml";
    out.may_be_there = of_provider ? lower_.starts_with("sts:assumerolewith")
                                   : service == service_ || policy::is_key_of_other_in(lower, service_);
    if (is_always_there(lower, lower_, subject_.principal.kind)) out.may_be_missing = false;
    return out;
}

Node Encoder::atom_of(const std::string& identity, Atom atom) {
    const auto [entry, added] = by_identity_.try_emplace(identity, 0);
    if (added) {
        entry->second = formula_.atom(static_cast<uint32_t>(atoms_.size()));
        atoms_.push_back(std::move(atom));
    }
    return entry->second;
}

// `*`: anything without colons; at the end: anything. `\*`: a star.
Node Encoder::resource_like(std::string_view pattern) {
    Tokens tokens;
    for (size_t at = 0; at < pattern.size(); ++at) {
        if (pattern[at] == '*')
            add_wildcard(tokens, Token::Kind::star, at + 1 == pattern.size() ? Characters::all : Characters::no_colon);
        else
            add_literal(tokens, pattern.substr(pattern[at] == '\\' ? ++at : at, 1));
    }
    return resource_like(std::move(tokens));
}

Node Encoder::resource_like(Tokens tokens) {
    Atom atom{.kind = Atom::Kind::resource,
              .patterns = {{.tokens = std::move(tokens), .matches_nothing = false, .open = {}}},
              .open = {},
              .test = {},
              .key = ""};
    std::string identity = "r:";
    append(identity, atom.patterns.front().tokens);
    return atom_of(identity, std::move(atom));
}

Node Encoder::resource_of(const policy::CompiledPolicy& policy, const policy::CompiledStatement& statement) {
    if (statement.any_resource) return always;
    Atom atom{.kind = Atom::Kind::resource};
    bool everything = false;
    for (const auto& pattern : policy.resources(statement)) {
        if (pattern.is_everything()) everything = true;
        auto one = tokens_of(pattern, policy.patterns(), variables_);
        if (one.matches_nothing) continue;
        add_keys(atom.open, keys_of(one.open));
        atom.patterns.push_back(std::move(one));
    }
    Node node = never;
    if (everything) {
        node = always;
    } else if (!atom.patterns.empty()) {
        std::vector<std::string> each;
        for (const auto& one : atom.patterns) append(each.emplace_back(), one);
        std::ranges::sort(each);
        std::string identity = "r:";
        for (const auto& one : each) identity += one;
        node = atom_of(identity, std::move(atom));
    }
    return statement.not_resource ? -node : node;
}

Node Encoder::condition_of(const policy::CompiledPolicy& policy, const policy::Condition& condition) {
    const auto tables = policy.condition_tables();
    const auto values = tables.values.subspan(condition.values.at, condition.values.size);
    const std::string_view key = policy.text(condition.key);
    const bool is_known = known_->find(condition.key_hash, key) != nullptr;
    const auto shape = is_known ? KeyShape{} : shape_of(key);
    std::vector<std::string> open;
    std::string identity = "c:" + std::string(key) + ":" + std::to_string(static_cast<int>(condition.op.comparison)) +
                           (condition.op.negated ? "!" : "") + (condition.op.if_exists ? "?" : "") +
                           std::to_string(static_cast<int>(condition.op.set)) + ":";
    for (const auto& value : values) {
        using enum policy::Comparison;
        if (policy::compares_patterns(condition.op.comparison)) {
            const auto one = tokens_of(value.pattern, policy.patterns(), variables_);
            if (one.matches_nothing) continue;
            append(identity, one);
            add_keys(open, keys_of(one.open));
        } else if (condition.op.comparison == binary_equals) {
            identity += std::string(policy.text(value.encoded)) + ";";
        } else if (condition.op.comparison == ip_address) {
            identity += tables.networks[value.network].text() + ";";
        } else if (condition.op.comparison == null) {
            identity += value.flag ? "t;" : "f;";
        } else if (condition.op.comparison >= date_equals && condition.op.comparison <= date_greater_equals) {
            identity += std::to_string(value.millis) + ";";
        } else {
            identity += std::string(value.decimal.negative ? "-" : "") + std::string(policy.text(value.decimal.digits)) + "e" +
                        std::to_string(value.decimal.point) + ";";
        }
    }
    // A missing key is compared with nothing.
    if (!shape.may_be_there || (is_known && open.empty())) {
        policy::TypedValues typed;
        return policy::holds(condition, tables, policy::ContextView(*known_), typed) ? always : never;
    }
    // The search puts in the variables of the one who asks.
    const bool others_variables = as_unknown_ && has_variables(condition, values);
    if (others_variables) identity += "unknown";
    Atom atom{.open = std::move(open), .test = {&policy, &condition, true}, .key = std::string(key)};
    // What is known is compared with what is not: whether it holds is open.
    atom.kind = is_known || others_variables ? Atom::Kind::opaque : Atom::Kind::condition;
    return atom_of(identity, std::move(atom));
}

Node Encoder::Layer::any(Formula& formula) const {
    std::vector<Node> nodes = accounts;
    nodes.insert(nodes.end(), roles.begin(), roles.end());
    nodes.insert(nodes.end(), directs.begin(), directs.end());
    return formula.any(std::move(nodes));
}

void Encoder::add(Layer& to, const policy::AttachedPolicy& attached, bool has_boundary) {
    const auto& policy = attached.policy->compiled();
    for (const auto& statement : policy.statements()) {
        const bool deny = statement.effect == policy::Effect::deny;
        Node applies = always;
        auto grant = Grant::direct;
        if (statement.broken) {
            if (!deny) continue;
        } else {
            if (has_principals(attached.policy->kind()))
                grant = policy::names(policy.principals(statement), names_, has_boundary, deny);
            if (grant == Grant::none || names_action(policy, statement, lower_) == statement.not_action) continue;
            std::vector<Node> nodes = {resource_of(policy, statement)};
            for (const auto& condition : policy.conditions(statement)) nodes.push_back(condition_of(policy, condition));
            applies = formula_.all(std::move(nodes));
        }
        if (applies == never) continue;
        if (deny)
            to.denies.push_back(applies);
        else
            (grant == Grant::direct ? to.directs : grant == Grant::role ? to.roles : to.accounts).push_back(applies);
    }
}

Node Encoder::levels(const std::vector<std::vector<policy::AttachedPolicy>>& levels, bool has_boundary,
                     std::vector<Node>& denies) {
    std::vector<Node> out;
    for (size_t level = 0; level < levels.size(); ++level) {
        Layer one;
        for (const auto& attached : levels[level]) add(one, attached, has_boundary);
        out.push_back(one.any(formula_));
        denies.insert(denies.end(), one.denies.begin(), one.denies.end());
    }
    return formula_.all(std::move(out));
}

// R78, of the actions that have such rules: those that depend on the resource are told apart by it.
Node Encoder::service_rules() {
    if (policy::limiting_rule(lower_, "", same_account_) != policy::ServiceRule::none) return never;
    if (subject_.is_limited_to_job && lower_ == "sts:assumerole") return never;
    if (service_ != "iam" && service_ != "sts") return always;
    const auto forbidden = [&](PrincipalKind kind, std::string_view resource) {
        const policy::Context nothing;
        const policy::ContextView view(nothing);
        return policy::forbidding_rule(kind, lower_, resource, &view) != policy::ServiceRule::none;
    };
    const auto kind = subject_.principal.kind;
    if (forbidden(kind, "*")) return never;
    std::vector<Node> out;
    if (constexpr std::string_view no_user = ":user/*";
        policy::limiting_rule(lower_, no_user, same_account_) != policy::ServiceRule::none) {
        Tokens tokens;
        add_wildcard(tokens, Token::Kind::star);
        add_literal(tokens, no_user);
        out.push_back(-resource_like(std::move(tokens)));
    }
    if (forbidden(kind, "arn:aws:iam::aws:policy/x")) out.push_back(-resource_like("arn:*:iam:*:aws:policy/*"));
    for (const std::string_view path : {"aws-service-role", "aws-reserved"})
        if (forbidden(kind, "arn:aws:iam::111122223333:role/" + std::string(path) + "/x"))
            out.push_back(-resource_like("arn:*:iam:*:*:role/" + std::string(path) + "/*"));
    if ((service_ == "iam" || lower_ == "sts:getsessiontoken") && (kind == PrincipalKind::user || kind == PrincipalKind::root)) {
        Layer layer;
        add(layer, {service_ == "iam" ? with_second_factor() : without_session(), ""}, false);
        out.push_back(layer.any(formula_));
    }
    return formula_.all(std::move(out));
}

// Trust policies, and keys (R75, R76).
Node Encoder::needs_resource_grant(const View& view) {
    if (view.resource != nullptr && view.resource->policy->kind() == PolicyKind::trust) return always;
    if (lower_ == "sts:assumerole" || lower_.starts_with("sts:assumerolewith")) return always;
    if (service_ != "kms") return never;
    std::vector<Node> none = {resource_like("\\*")};
    if (lower_ == "kms:createalias" || lower_ == "kms:updatealias" || lower_ == "kms:deletealias")
        none.push_back(resource_like("arn:*:*:*:*:alias/*"));
    return -formula_.any(std::move(none));
}

// A bucket's policy may be put aside: for the owner's root user, and by RestrictPublicBuckets (R79).
Node Encoder::allowed(const View& view) {
    if (view.resource == nullptr) return decided(view);
    View without = view;
    without.resource = nullptr;
    const auto& caller = subject_.principal;
    if (policy::is_spared_bucket_policy(caller, owner_, lower_)) return decided(without);
    const auto kept_out =
        view.restricts_public ? policy::kept_out_by_restriction(caller, owner_, view.policy_is_public) : policy::KeptOut::no;
    if (kept_out == policy::KeptOut::no) return decided(view);
    if (kept_out == policy::KeptOut::yes) return decided(without);
    const Node if_granted = granted_to_unknown(*view.resource);
    if (if_granted == never) return decided(view);
    return formula_.any({formula_.all({if_granted, decided(without)}), formula_.all({-if_granted, decided(view)})});
}

Node Encoder::granted_to_unknown(const policy::AttachedPolicy& policy) {
    const policy::Context known = policy::context_of_unknown(*known_);
    // The same atoms, of a request whose principal is another.
    struct Swapped {
        Encoder* of;
        const policy::Context* known;
        policy::CallerNames names;
        explicit Swapped(Encoder* encoder, const policy::Context* other)
            : of(encoder), known(encoder->known_), names(encoder->names_) {
            of->known_ = of->variables_.known = other;
            of->names_ = policy::CallerNames(policy::unknown_principal(), of->lower_);
            of->as_unknown_ = true;
        }
        ~Swapped() {
            of->known_ = of->variables_.known = known;
            of->names_ = names;
            of->as_unknown_ = false;
        }
        Swapped(const Swapped&) = delete;
        Swapped& operator=(const Swapped&) = delete;
    } const swapped(this, &known);
    Layer layer;
    add(layer, policy, false);
    return formula_.all({layer.any(formula_), -formula_.any(layer.denies)});
}

Node Encoder::decided(const View& view) {
    const auto& caller = subject_.principal;
    const auto& everybody = policy::actions_of_everybody;
    if (std::ranges::find(everybody, lower_) != everybody.end() && caller.kind != PrincipalKind::anonymous)
        return service_rules();  // R74
    const auto& policies = *view.policies;
    const bool has_boundary = policies.boundary.has_value();
    const bool has_identity_side = caller.kind != PrincipalKind::anonymous && caller.kind != PrincipalKind::service;
    std::vector<Node> denies, needed = {service_rules()};
    const auto layer_of = [&](std::span<const policy::AttachedPolicy> list) {
        Layer out;
        for (const policy::AttachedPolicy& attached : list) add(out, attached, has_boundary);
        denies.insert(denies.end(), out.denies.begin(), out.denies.end());
        return out;
    };
    const auto only = [](const policy::AttachedPolicy* one) { return std::span(one, one == nullptr ? 0 : 1); };
    if (!caller.service_linked_role && policy::supports_resource_control(service_))  // R10
        needed.push_back(levels(policies.resource_control, has_boundary, denies));
    if (has_identity_side && !caller.service_linked_role)  // R9
        needed.push_back(levels(policies.service_control, has_boundary, denies));
    if (policies.vpc_endpoint) needed.push_back(layer_of(only(&*policies.vpc_endpoint)).any(formula_));  // R80
    const Layer resource = layer_of(only(view.resource));
    const Node direct = formula_.any(resource.directs), by_role = formula_.any(resource.roles), granted = resource.any(formula_);
    if (!has_identity_side) {
        needed.push_back(direct);
    } else {
        const Node identity =
            formula_.any({layer_of(policies.identity).any(formula_), caller.kind == PrincipalKind::root ? always : never});
        const Node boundary = policies.boundary ? layer_of(only(&*policies.boundary)).any(formula_) : always;
        // A federated session without a session policy can do only what a resource policy grants to it directly.
        const Node session = policies.session                               ? layer_of(*policies.session).any(formula_)
                             : caller.kind == PrincipalKind::federated_user ? never
                                                                            : always;
        if (!same_account_) {
            needed.push_back(formula_.all({granted, identity, boundary, session}));  // R4, R22
        } else {
            const Node together = formula_.all(
                {formula_.any({-needs_resource_grant(view), granted}), formula_.any({by_role, identity}), boundary, session});
            needed.push_back(formula_.any({direct, together}));  // R15 to R18
        }
    }
    needed.push_back(-formula_.any(std::move(denies)));  // R2
    return formula_.all(std::move(needed));
}

}  // namespace proof
