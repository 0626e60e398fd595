#include "cli/access.hpp"

#include <algorithm>
#include <chrono>

#include "base/strings.hpp"
#include "cli/account_reading.hpp"
#include "cli/deployment.hpp"
#include "cli/terminal.hpp"

namespace cli {

using deploy::Op;
using proof::AccessChange;
using provider::Property;
using text::Json;
using Kind = AccessChange::Kind;

namespace {

constexpr size_t listed_max = 4;  // names and patterns of a line for people; JSON has all

bool is_same(const wire::ClientOptions& a, const wire::ClientOptions& b) {
    return a.endpoint == b.endpoint && a.access_key_id == b.access_key_id;
}

std::string shortened(const std::vector<std::string>& list) {
    if (list.size() <= listed_max + 1) return base::join(list, ", ");
    const std::vector<std::string> first(list.begin(), list.begin() + listed_max);
    return base::join(first, ", ") + " and " + std::to_string(list.size() - listed_max) + " more";
}

// Buckets and objects as people write them: `ml-data/*`.
std::string resource_text(const std::string& pattern) {
    constexpr std::string_view s3 = "arn:aws:s3:::";
    if (pattern == "*") return "everything";
    return pattern.starts_with(s3) ? pattern.substr(s3.size()) : pattern;
}

std::string resources_text(const AccessChange& change) {
    std::vector<std::string> out;
    for (const std::string& one : change.resources) {
        const std::string whole = one + "/*";
        // A bucket and what is in it: the bucket.
        if (one.ends_with("/*") && std::ranges::find(change.resources, one.substr(0, one.size() - 2)) != change.resources.end())
            continue;
        const bool with_objects = std::ranges::find(change.resources, whole) != change.resources.end();
        out.push_back(resource_text(one) + (with_objects ? " and its objects" : ""));
    }
    return (change.not_resource ? "everything but " : "") + shortened(out);
}

// `s3, ecr, logs and 12 more`, of a policy that is said by its name.
std::string services_text(const AccessChange& change) {
    std::vector<std::string> out;
    for (const std::string& action : change.actions) {
        const std::string service = action.substr(0, action.find(':'));
        if (std::ranges::find(out, service) == out.end()) out.push_back(service);
    }
    return shortened(out);
}

std::string what(const AccessChange& change) {
    if (!change.policy.empty()) return "what " + change.policy + " allows (" + services_text(change) + ")";
    if (change.actions.empty()) return "anything";
    const std::string actions = change.not_action ? "everything but " + shortened(change.actions) : shortened(change.actions);
    return (actions == "*" ? "everything" : actions) + " on " + resources_text(change);
}

const char* sign_of(Kind kind) { return kind == Kind::gained ? "+" : kind == Kind::lost ? "-" : "="; }
Style style_of(Kind kind) { return kind == Kind::gained ? Style::green : kind == Kind::lost ? Style::red : Style::cyan; }
const char* name_of(Kind kind) { return kind == Kind::gained ? "gained" : kind == Kind::lost ? "lost" : "already"; }

Json list_of(const std::vector<std::string>& texts) {
    Json out = Json::array();
    for (const std::string& one : texts) out.push(one);
    return out;
}

Json change_json(const AccessChange& change) {
    Json out = Json::object();
    out.set("kind", name_of(change.kind));
    out.set("who", list_of(change.who));
    out.set(change.not_action ? "notActions" : "actions", list_of(change.actions));
    out.set(change.not_resource ? "notResources" : "resources", list_of(change.resources));
    if (!change.condition.empty()) out.set("condition", change.condition);
    if (!change.policy.empty()) out.set("policy", change.policy);
    if (!change.why.empty()) out.set("why", change.why);
    if (change.partly) out.set("partly", true);
    if (change.more) out.set("more", true);
    if (change.witness) out.set("witness", request_json(*change.witness));
    out.set("text", access_line(change));
    return out;
}

}  // namespace

Json properties_of(const deploy::ResourcePtr& resource, std::map<std::string, std::string, std::less<>>* unknown) {
    if (resource == nullptr) return {};
    Json out = Json::object();
    for (const Property* properties : {&resource->outputs, &resource->inputs})
        for (const auto& [key, value] : properties->members()) {
            if (key == "__defaults" || out.contains(key) || (unknown != nullptr && unknown->contains(key))) continue;
            if (unknown != nullptr && (value.has_unknowns() || value.has_secrets()))
                unknown->emplace(key, value.has_unknowns() ? "known after up" : "a secret, which is not looked into");
            else
                out.set(key, deploy::to_plain_json(value, true));
        }
    return out;
}

deploy::ProviderFactory AccessSteps::watch(deploy::ProviderFactory make_provider) {
    return [this, make = std::move(make_provider)](const std::string& package, const Property& configuration) {
        auto made = make(package, configuration);
        const auto options = made ? client_options(package, configuration) : std::unexpected(base::Error("", ""));
        if (!options) return made;
        const base::Lock lock(mutex_);
        if (std::ranges::any_of(places_, [&](const auto& known) { return is_same(known, *options); })) return made;
        places_.push_back(*options);
        if (places_.size() > 1) return made;
        account_ = std::async(std::launch::async, [options = *options] { return read_account(options); });
        if (reads_first_) account_.wait();
        return made;
    };
}

void AccessSteps::step(const deploy::Step& step) {
    next_.step(step);
    for (const deploy::ResourcePtr& resource : {step.before, step.after}) {
        if (resource == nullptr) continue;
        secrets_.learn(resource->inputs);
        secrets_.learn(resource->outputs);
        if (deploy::has_secret_id(*resource)) secrets_.learn_id(resource->id);
    }
    if (step.phase != deploy::Step::Phase::done || step.hidden || !proof::is_about_access(step.type)) return;
    const bool makes = step.op == Op::create || step.op == Op::create_replacement, updates = step.op == Op::update;
    const bool removes = step.op == Op::remove || step.op == Op::delete_replaced;
    if (!makes && !updates && !removes) return;
    proof::ResourceChange change{.type = step.type, .name = step.name};
    if (updates || removes) change.before = properties_of(step.before, nullptr);
    if (makes || updates) change.after = properties_of(step.after, &change.unknown);
    const base::Lock lock(mutex_);
    changes_.push_back(std::move(change));
}

AccessReport AccessSteps::compare() {
    AccessReport report;
    std::vector<proof::ResourceChange> changes;
    std::vector<wire::ClientOptions> places;
    std::future<proof::AccountPolicies> account;
    {
        const base::Lock lock(mutex_);
        changes = std::move(changes_);
        places = places_;
        account = std::move(account_);
    }
    if (!account.valid()) {
        report.unread.push_back("the account: the program uses no AWS provider");
        return report;
    }
    report.before = account.get();
    report.unread = report.before.unread;
    report.after = report.before;
    report.about_access = !changes.empty();
    if (!report.about_access) return report;
    const auto start = std::chrono::steady_clock::now();
    auto planned = proof::apply(report.before, changes);
    if (const auto lacking = unknown_policies(planned.account); !lacking.empty()) {
        read_policies(places.front(), lacking, report.before);
        planned = proof::apply(report.before, changes);
    }
    report.after = std::move(planned.account);
    report.unknown = std::move(planned.unknown);
    report.unread = report.before.unread;
    if (places.size() > 1)
        report.unread.push_back("the accounts of other providers of this program: all resources are taken to be in account " +
                                report.before.id);
    report.difference = access_difference(report.before, report.after);
    report.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    mask(report);
    return report;
}

// A secret may be part of a name or of a policy: whoever reads the account sees it, who reads this does not.
void AccessSteps::mask(AccessReport& report) const {
    const auto mask_all = [&](std::vector<std::string>& texts) {
        for (std::string& one : texts) one = secrets_.masked(one);
    };
    for (AccessChange& change : report.difference.changes) {
        for (auto* list : {&change.who, &change.actions, &change.resources}) mask_all(*list);
        for (auto* text : {&change.condition, &change.why, &change.policy}) *text = secrets_.masked(*text);
        if (change.witness) mask(*change.witness);
    }
    for (auto* list : {&report.difference.unknown, &report.unknown, &report.unread}) mask_all(*list);
}

void AccessSteps::mask(policy::Request& request) const {
    for (auto* text : {&request.principal.arn, &request.principal.service, &request.action, &request.resource})
        *text = secrets_.masked(*text);
    policy::Context context;
    for (const auto& entry : request.context.entries()) {
        std::vector<std::string> values;
        for (const std::string& value : entry.values) values.push_back(secrets_.masked(value));
        const std::string key = secrets_.masked(entry.key);
        if (entry.multivalued)
            context.set_list(key, std::move(values));
        else if (!values.empty())
            context.set(key, values.front());
    }
    request.context = std::move(context);
}

void AccessSteps::mask(proof::GuardResult& result) const {
    result.who = secrets_.masked(result.who);
    result.reason = secrets_.masked(result.reason);
    if (result.witness) mask(*result.witness);
}

Json request_json(const policy::Request& request) {
    Json out = Json::object();
    const auto& principal = request.principal;
    out.set("principal", !principal.arn.empty()       ? principal.arn
                         : !principal.service.empty() ? principal.service
                                                      : std::string("*"));
    out.set("action", request.action);
    out.set("resource", request.resource);
    Json context = Json::object();
    for (const auto& entry : request.context.entries()) {
        if (entry.key.starts_with("aws:principal") || entry.key == "aws:userid" || entry.key == "aws:username") continue;
        context.set(entry.key,
                    entry.multivalued ? list_of(entry.values) : Json(entry.values.empty() ? "" : entry.values.front()));
    }
    out.set("context", std::move(context));
    return out;
}

std::string access_line(const AccessChange& change) {
    const char* verb = change.kind == Kind::gained ? " may " : change.kind == Kind::lost ? " may no longer " : " may already ";
    std::string out = std::string(sign_of(change.kind)) + " " + shortened(change.who) + verb + what(change);
    if (!change.condition.empty()) out += " if " + change.condition;
    if (!change.why.empty() && change.policy.empty()) out += ", " + change.why;
    if (change.more) out += ", and more";
    if (change.partly)
        out += change.kind == Kind::lost     ? " (some of it stays)"
               : change.kind == Kind::gained ? " (some of it was so before)"
                                             : " (not all of it, or not always)";
    return out;
}

std::vector<std::string> AccessReport::doubts() const {
    std::vector<std::string> out = unknown;
    for (const std::string& one : unread) out.push_back("not read: " + one);
    return out;
}

void print_access(const AccessReport& report) {
    if (!report.about_access) return;
    const auto& changes = report.difference.changes;
    if (changes.empty() && report.difference.unknown.empty() && report.unknown.empty())
        print("Access: no principal gains or loses any\n");
    else
        print("Access:\n");
    for (const AccessChange& change : changes) {
        print("  " + paint(style_of(change.kind), access_line(change)) + "\n");
        if (change.witness)
            print(paint(Style::dim, "      for example " + Text(change.witness->action) + " on " + change.witness->resource) +
                  "\n");
    }
    for (const auto* list : {&report.unknown, &report.difference.unknown})
        for (const std::string& one : *list) print("  " + paint(Style::yellow, "? " + Text(one)) + "\n");
    for (const std::string& one : report.unread) print("  " + paint(Style::yellow, "? not read: " + Text(one)) + "\n");
}

Json access_json(const AccessReport& report) {
    Json out = Json::object();
    Json changes = Json::array();
    for (const AccessChange& change : report.difference.changes) changes.push(change_json(change));
    out.set("changes", std::move(changes));
    std::vector<std::string> unknown = report.unknown;
    unknown.insert(unknown.end(), report.difference.unknown.begin(), report.difference.unknown.end());
    out.set("unknown", list_of(unknown));
    out.set("unread", list_of(report.unread));
    out.set("milliseconds", static_cast<int64_t>(report.took.count()));
    return out;
}

}  // namespace cli
